"""The configuration is resolved as the Jupyter server resolves it."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from rucio_jupyterlab.cli.findings import of_site
from rucio_jupyterlab.cli.site import read_site

INSTANCE = {"name": "lab", "display_name": "The lab", "rucio_base_url": "https://rucio", "mode": "download"}


def write_python(folder: Path, text: str) -> Path:
    folder.mkdir(exist_ok=True)
    path = folder / "jupyter_server_config.py"
    path.write_text(text)
    return path


def test_python_and_json_files_are_read(tmp_path: Path) -> None:
    path = write_python(tmp_path / "a", f"c.RucioConfig.instances = [{INSTANCE!r}]")
    (tmp_path / "b").mkdir()
    other = tmp_path / "b" / "jupyter_server_config.json"
    other.write_text(json.dumps({"RucioConfig": {"default_auth_type": "x509"}}))

    site = read_site([str(tmp_path / "a"), str(tmp_path / "b")], {})

    (instance,) = site.configuration.instances
    assert instance.name == "lab" and str(path) in instance.source_detail
    assert site.configuration.default_auth_type == "x509"
    assert site.files == (other, path)
    assert site.for_engine is not None


def test_the_first_folder_wins(tmp_path: Path) -> None:
    write_python(tmp_path / "user", f"c.RucioConfig.instances = [{INSTANCE!r}]")
    write_python(tmp_path / "system", "c.RucioConfig.instances = []")
    site = read_site([str(tmp_path / "user"), str(tmp_path / "system")], {})
    assert [one.name for one in site.configuration.instances] == ["lab"]


def test_what_is_appended_is_a_list(tmp_path: Path) -> None:
    write_python(tmp_path, f"c.RucioConfig.instances.append({INSTANCE!r})")
    assert [one.name for one in read_site([str(tmp_path)], {}).configuration.instances] == ["lab"]


def test_a_table_that_is_updated_is_a_table(tmp_path: Path) -> None:
    (tmp_path / "jupyter_server_config.py").write_text("c.RucioConfig.cell_templates.update({'.root': 'x'})")
    site = read_site([str(tmp_path)], {})
    assert site.configuration.options.cell_templates == {".root": "x"}
    assert site.configuration.problem is None


def test_a_file_that_prints_spoils_no_answer(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    write_python(tmp_path, f"print('loading')\nc.RucioConfig.instances = [{INSTANCE!r}]")
    assert [one.name for one in read_site([str(tmp_path)], {}).configuration.instances] == ["lab"]
    assert capsys.readouterr() == ("", "loading\n")


def test_a_file_that_fails_is_named_and_costs_nothing_else(tmp_path: Path) -> None:
    good = write_python(tmp_path / "good", f"c.RucioConfig.instances = [{INSTANCE!r}]")
    bad = write_python(tmp_path / "bad", "raise SystemError('secret')")
    site = read_site([str(tmp_path / "bad"), str(tmp_path / "good")], {})
    assert site.files == (good,) and site.broken_files == (bad,)
    assert len(site.configuration.instances) == 1


def test_a_file_where_jupyter_looks_for_switches_alone_is_named(tmp_path: Path) -> None:
    switches = tmp_path / "jupyter_server_config.d"
    switches.mkdir()
    (switches / "extension.json").write_text('{"ServerApp": {"jpserver_extensions": {}}}')
    (switches / "broken.json").write_text("{")
    (switches / "list.json").write_text("[1]")
    ours = switches / "site.json"
    ours.write_text(json.dumps({"RucioConfig": {"instances": [INSTANCE]}}))

    site = read_site([str(tmp_path)], {})

    assert site.configuration.instances == ()
    (finding,) = of_site(site)
    assert finding.level == "warning" and str(ours) in finding.says
    assert str(tmp_path / "jupyter_server_config.json") in (finding.remedy or "")


def test_the_environment_is_read(tmp_path: Path) -> None:
    environ = {"RUCIO_NAME": "vre", "RUCIO_BASE_URL": "https://vre"}
    site = read_site([str(tmp_path)], environ)
    assert [one.name for one in site.configuration.instances] == ["vre"]
    assert site.for_engine is not None


def test_where_nothing_is_set_the_engine_keeps_what_the_server_told_it(tmp_path: Path) -> None:
    assert read_site([str(tmp_path)], {}).for_engine is None
