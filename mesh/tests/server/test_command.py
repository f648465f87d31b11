"""`rucio-mesh` as a command."""

from __future__ import annotations

import pytest

from rucio_mesh.cli import DAEMONS, FURTHER_DAEMONS

from .clouds import Clouds, run, without_rucio


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["conveyor", "reaper"], "'reaper' is none of submitter, poller, finisher, preparer"),
        (["conveyor", "--transfers", "0"], "'0' is no number from 1 on"),
        (["conveyor", "--sleep", "1m"], "'1m' is no number from 1 on"),
        (["register-share", "RSE", "/path", "no-scope"], "a dataset is SCOPE:NAME"),
        ([], "COMMAND"),
    ],
)
def test_a_wrong_command_line_is_told(clouds: Clouds, arguments: list[str], told: str) -> None:
    done = run(arguments, clouds.environment())
    assert done.returncode == 2
    assert told in done.stderr


def test_a_conveyor_without_the_scheme_is_not_started(clouds: Clouds) -> None:
    etc = clouds.rucio.home / "etc"
    config = etc / "other.cfg"
    config.write_text((etc / "rucio.cfg").read_text().replace("scheme = cs3", "scheme = davs,https"))
    done = run(["conveyor", "--once"], clouds.environment() | {"RUCIO_CONFIG": str(config)})
    assert done.returncode == 1
    assert "[conveyor] scheme is davs, https: add cs3 to it" in done.stderr


@pytest.mark.parametrize(
    ("config", "told"),
    [("client.cfg", "rucio.cfg has no section [database]"), ("missing.cfg", "there is no rucio.cfg")],
)
def test_a_conveyor_elsewhere_than_beside_a_server_is_not_started(
    clouds: Clouds, config: str, told: str
) -> None:
    path = clouds.rucio.home / "etc" / config
    done = run(["conveyor", "--once"], without_rucio() | {"RUCIO_CONFIG": str(path)})
    assert (done.returncode, done.stderr.count("\n")) == (1, 1)
    assert f"{told}: run it on a host of Rucio's daemons" in done.stderr


def test_the_command_knows_the_daemons_that_there_are(clouds: Clouds) -> None:
    done = run(["conveyor", "--once", *DAEMONS, *FURTHER_DAEMONS], clouds.environment())
    assert done.returncode == 0, done.stderr
