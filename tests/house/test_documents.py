"""What the documents name is there, and what a reader looks for in them is named."""

from __future__ import annotations

import re
from argparse import ArgumentParser, _SubParsersAction
from fnmatch import fnmatch
from pathlib import Path

import pytest

from rucio_jupyterlab.cli.app import _parser
from rucio_jupyterlab.config.reading import INSTANCE_KEYS
from rucio_jupyterlab.config.sources import OPTION_VARIABLES, VARIABLES
from rucio_jupyterlab.extension import RucioConfig
from tests.house.sources import ROOT, python_files, repository_files

README = Path("README.md")
ARCHITECTURE = Path("docs/architecture.md")
MOVING = Path("docs/coming-from-the-existing-extension.md")
DOCUMENTS = [path for path in repository_files() if path.suffix == ".md"]
OF_OLD = set(INSTANCE_KEYS) - {"token_rses", "cs3"} | {"$url"}
"""The keys that the existing extension knows."""
NOT_OURS = {"RUCIO_CACHE_DIR"}
"""Variables of the existing extension that mean nothing here, as a document says."""
FLOORS = (".", "rucio_jupyterlab", "mesh", "mesh/rucio_mesh", "src")
"""Folders in which rooms lie side by side."""


def text(path: Path) -> str:
    return (ROOT / path).read_text(encoding="utf-8")


def table_after(sentence: str, document: str) -> list[str]:
    """What stands in backticks in the first column of the table that follows a sentence."""
    rows = document.partition(sentence)[2].partition("\n\n")[2].partition("\n\n")[0].splitlines()[2:]
    return [name for row in rows for name in re.findall(r"`([^`]+)`", row.split("|")[1])]


def test_the_readme_names_every_key_of_an_instance_and_no_other() -> None:
    told = table_after("\nKeys of an instance:", text(README))
    assert [key for key in (*INSTANCE_KEYS, "$url") if not any(fnmatch(key, name) for name in told)] == []
    assert [name for name in told if not any(fnmatch(key, name) for key in (*INSTANCE_KEYS, "$url"))] == []


def test_the_readme_names_every_option_and_no_other() -> None:
    told = table_after("\nOptions beside the instances", text(README))
    assert sorted(told) == sorted(set(RucioConfig.class_traits(config=True)) - {"instances"})


def test_the_help_names_every_key_of_an_instance() -> None:
    told = re.findall(r"`([^`\s]+)`", RucioConfig.instances.help)
    assert [key for key in (*INSTANCE_KEYS, "$url") if not any(fnmatch(key, name) for name in told)] == []


def test_whoever_comes_from_the_existing_extension_finds_each_of_its_keys() -> None:
    stays = text(MOVING).partition("## What stays")[2].partition("## What differs")[0]
    paragraph = stays.partition("**Every key of an instance**")[2].partition("\n- ")[0]
    assert set(re.findall(r"`([^`]+)`", paragraph)) == OF_OLD


@pytest.mark.parametrize("document", DOCUMENTS, ids=str)
def test_a_variable_that_a_document_names_is_read(document: Path) -> None:
    code = "\n".join(text(path) for path in python_files("rucio_jupyterlab", "mesh", "tools", "ui-tests"))
    code += text(Path("Makefile")) + text(Path("tests/faults/conftest.py"))
    named = re.findall(r"\b(?:RUCIO|SWAN|X509|XDG|BEARER)_[A-Z0-9_]*[A-Z0-9]\b", text(document))
    known = {*VARIABLES, *OPTION_VARIABLES, *NOT_OURS}
    assert [name for name in named if name not in known and name not in code] == []


@pytest.mark.parametrize("document", DOCUMENTS, ids=str)
def test_a_command_that_a_document_names_is_there(document: Path) -> None:
    commands = subcommands(_parser())
    for name, rest in re.findall(r"jupyter rucio ([a-z]+)([^`\n]*)", text(document)):
        assert name in commands
        options = set(re.findall(r"(?<=\s)--[a-z-]+", rest))
        assert name == "demo" or options <= set(commands[name]._option_string_actions), rest
    targets = set(re.findall(r"^([a-z-]+):", text(Path("Makefile")), re.MULTILINE))
    named = re.findall(r"(?:`|^)make(?: [A-Z]+=\S+)* ([a-z-]+)", text(document), re.MULTILINE)
    assert set(named) <= targets


def subcommands(parser: ArgumentParser) -> dict[str, ArgumentParser]:
    (action,) = (each for each in parser._actions if isinstance(each, _SubParsersAction))
    return dict(action.choices)


@pytest.mark.parametrize("document", DOCUMENTS, ids=str)
def test_a_plugin_that_a_document_names_is_there(document: Path) -> None:
    named = set(re.findall(r"rucio-jupyterlab:[a-z-]+", text(document)))
    code = "".join(text(path) for path in repository_files() if re.match(r"src/\w+/plugin\.tsx?$", str(path)))
    assert named <= set(re.findall(r"id: '([a-z:-]+)'", code))


@pytest.mark.parametrize("document", DOCUMENTS, ids=str)
def test_a_link_inside_the_repository_leads_somewhere(document: Path) -> None:
    for link in re.findall(r"\]\((?!https?:)([^)]+)\)", text(document)):
        place, _, heading = link.partition("#")
        target = document.parent / place if place else document
        assert (ROOT / target).exists(), link
        assert not heading or heading in headings(text(target)), link


def headings(document: str) -> set[str]:
    """As GitHub names them."""
    titles = re.findall(r"^#+ (.+)$", document, re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", title.lower()).replace(" ", "-") for title in titles}


def test_the_architecture_names_every_room() -> None:
    code = [path for path in repository_files() if path.suffix in {".py", ".ts", ".tsx"}]
    rooms = {
        path.relative_to(floor).parts[0] for path in code for floor in FLOORS if path.is_relative_to(floor)
    }
    told = {part for path in re.findall(r"`([^`\s]+)`", text(ARCHITECTURE)) for part in path.split("/")}
    assert sorted(rooms - told - {"__init__.py", "index.ts"}) == []
