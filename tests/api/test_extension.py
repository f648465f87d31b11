"""The extension in a Jupyter server, whatever its configuration is."""

from __future__ import annotations

import asyncio
import os
import socket
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from traitlets.config import Config
from traitlets.config.loader import DeferredConfigList, DeferredConfigString

from rucio_jupyterlab import extension
from rucio_jupyterlab.api.local import below
from rucio_jupyterlab.config import Options, configuration_from
from tests.api.calls import Fetch, call


class TestWrongConfiguration:
    @pytest.fixture
    def rucio_config(self) -> dict[str, Any]:
        return {
            "instances": [
                {"name": "good", "display_name": "Good", "rucio_base_url": "https://good.invalid"},
                {"name": "bad", "display_name": "Bad", "rucio_base_url": "https://bad.invalid", "mode": "no"},
                "nonsense",
            ],
            "default_instance": 7,
            "quota_bytes": "plenty",
            "unknown": object,
        }

    async def test_it_loads_and_names_what_is_wrong(self, jp_fetch: Fetch) -> None:
        found = (await call(jp_fetch, "GET instances")).body
        assert {info["name"]: bool(info["problem"]) for info in found["instances"]} == {
            "good": False,
            "bad": True,
        }
        assert "quota_bytes" in found["problem"]


class TestConfigurationThatIsNoList:
    @pytest.fixture
    def rucio_config(self) -> dict[str, Any]:
        return {"instances": "https://rucio.invalid"}

    async def test_it_loads_and_says_so(self, jp_fetch: Fetch) -> None:
        assert "instances" in (await call(jp_fetch, "GET instances")).body["problem"]


@pytest.mark.parametrize("section", ["instances", "shared_stores"])
def test_appending_to_a_list_in_a_configuration_file_works(section: str) -> None:
    config = Config()
    config.RucioConfig[section].append("x")
    assert extension.configured_values(config.RucioConfig) == {section: ["x"]}


@pytest.mark.parametrize(("text", "value"), [("5", 5), ("many", "many")])
def test_values_from_the_command_line_are_read_by_their_trait(text: str, value: object) -> None:
    section = {"confirm_files": DeferredConfigString(text)}
    assert extension.configured_values(section) == {"confirm_files": value}


def test_updating_a_table_in_a_configuration_file_works() -> None:
    section = Config()
    section.RucioConfig.cell_templates.update({".root": "x"})
    assert extension.configured_values(section.RucioConfig) == {"cell_templates": {".root": "x"}}


def test_an_option_that_is_given_twice_costs_no_other() -> None:
    twice = DeferredConfigList(["/a", "/b"])
    values = extension.configured_values({"views_dir": twice, "confirm_files": DeferredConfigString("7")})
    assert values["confirm_files"] == 7
    configuration = configuration_from(values, {})
    assert "views_dir" in (configuration.problem or "")
    assert configuration.options.confirm_files == 7


def test_every_option_has_a_trait_with_its_default_and_a_sentence() -> None:
    traits = extension.RucioConfig.class_traits(config=True)
    assert set(Options.__struct_fields__) <= set(traits)
    for name, default in zip(Options.__struct_fields__, Options.__struct_defaults__, strict=True):
        declared = traits[name].default_value
        if isinstance(default, (int, float, str)):
            assert declared == default, name
    for name, trait in traits.items():
        assert trait.help.rstrip().endswith("."), name


async def test_the_panel_is_told_where_the_server_is(jp_fetch: Fetch, jp_root_dir: Path) -> None:
    environment = (await call(jp_fetch, "GET environment")).body
    assert environment["root_dir"] == str(jp_root_dir)
    assert environment["page_limit"] == 1000


@pytest.mark.parametrize(
    ("path", "shown"),
    [
        ("/eos/user/a/x.root", "user/a/x.root"),
        ('/eos/user/a/ü b’"x', 'user/a/ü b’"x'),
        ("/eos", "."),
        ("/eos/../etc/passwd", None),
        ("/eosdata/x", None),
        ("relative", None),
        ("/eos//a/./b", "a/b"),
    ],
)
def test_a_path_is_shown_below_the_root_alone(path: str, shown: str | None) -> None:
    assert below("/eos", path) == shown


async def test_a_path_with_awkward_characters_survives_the_query(jp_fetch: Fetch, jp_root_dir: Path) -> None:
    awkward = "a/b c/&?#%2F+ü'\"<b>"
    found = await call(jp_fetch, "GET server-path", fields={"path": f"{jp_root_dir}/{awkward}"})
    assert found.body == {"path": awkward}


async def test_blanks_and_lines_in_a_query_are_taken_as_they_are(jp_fetch: Fetch, jp_root_dir: Path) -> None:
    shown = " a\nb\x07c "
    found = await call(jp_fetch, "GET server-path", fields={"path": f"{jp_root_dir}/{shown}"})
    assert found.body == {"path": shown}


async def test_a_rucio_that_hangs_does_not_hold_up_the_jupyter_server(
    jp_fetch: Fetch, jp_serverapp: Any
) -> None:
    silent = socket.create_server(("127.0.0.1", 0))
    url = f"http://127.0.0.1:{silent.getsockname()[1]}"
    adding = asyncio.ensure_future(call(jp_fetch, "POST instances", fields={"url": url, "name": "silent"}))
    for _ in range(50):
        response = await jp_fetch("api", "status")
        assert response.code == 200
        assert (await call(jp_fetch, "GET instances")).status == 200
    assert not adding.done()
    silent.close()
    adding.cancel()


def spoil(state: Path) -> None:
    state.write_text("a file where the folder should be")


def mend(state: Path) -> None:
    state.unlink()


async def test_an_engine_that_cannot_start_is_a_state_and_no_failure(
    jp_fetch: Fetch, engine_state: Path
) -> None:
    spoil(engine_state)
    link = await call(jp_fetch, "GET engine")
    assert (link.status, link.body["engine"]) == (200, None)
    assert link.body["problem"]["type"] == "engine-down"
    assert (await call(jp_fetch, "GET jobs")).problem == "engine-down"
    for _ in range(3):
        link = await call(jp_fetch, "GET engine")
    assert link.body["state"] == "down"
    mend(engine_state)
    assert (await call(jp_fetch, "GET engine")).body["state"] == "down"
    assert (await call(jp_fetch, "POST engine/retry")).body["state"] == "up"


def test_it_is_imported_from_a_read_only_folder_without_being_installed(tmp_path: Path) -> None:
    package = tmp_path / "lib" / "rucio_jupyterlab"
    package.parent.mkdir()
    package.symlink_to(Path(extension.__file__).parent)
    package.parent.chmod(0o555)
    script = (
        "import sys; import rucio_jupyterlab;"
        "points = rucio_jupyterlab._jupyter_server_extension_points();"
        "assert points[0]['app'].name == 'rucio_jupyterlab';"
        "print(sorted({m.split('.')[0] for m in sys.modules} & {'rucio', 'pycurl', 'IPython'}))"
    )
    environ = os.environ | {"PYTHONPATH": str(package.parent), "PYTHONDONTWRITEBYTECODE": "1"}
    command = [sys.executable, "-c", script]
    done = subprocess.run(command, check=True, capture_output=True, text=True, env=environ, cwd=tmp_path)
    assert done.stdout.strip() == "[]"


async def test_looking_does_not_count_as_activity_and_acting_does(jp_fetch: Fetch, jp_serverapp: Any) -> None:
    settings = jp_serverapp.web_app.settings
    before = settings["api_last_activity"] = object()
    await call(jp_fetch, "GET environment")
    assert settings["api_last_activity"] is before
    await call(jp_fetch, "POST engine/retry")
    assert settings["api_last_activity"] is not before
