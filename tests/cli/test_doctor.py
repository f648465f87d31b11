"""`jupyter rucio doctor`."""

from __future__ import annotations

import base64
import http.server
import json
import ssl
import threading
from collections.abc import Iterator
from email.utils import formatdate
from pathlib import Path
from time import time

import pytest

from rucio_jupyterlab.accounts.model import AccountStatus, AuthType, Instances, Login, Reachability
from rucio_jupyterlab.cli import findings, main
from rucio_jupyterlab.cli.disks import Disk, disk_of, kind_of
from rucio_jupyterlab.cli.tls import explain_certificate
from rucio_jupyterlab.config import Instance
from rucio_jupyterlab.config.added import write_added
from rucio_jupyterlab.engine import protocol
from rucio_jupyterlab.errors import BadConfiguration
from rucio_jupyterlab.staging.model import StoreStatus
from rucio_mesh.testing.certificates import Authority
from tests.cli.stand_in import EngineStandIn, info


@pytest.mark.parametrize(
    ("filesystem", "kind"),
    [
        ("ext4", "local"),
        ("tmpfs", "memory"),
        ("fuse.eosxd", "fuse"),
        ("nfs4", "network"),
        ("cifs", "network"),
        ("lustre", "network"),
        ("overlay", "container"),
        ("", "unknown"),
    ],
)
def test_the_kind_of_a_disk_is_told(filesystem: str, kind: str) -> None:
    assert kind_of(filesystem) == kind


def test_a_folder_that_is_not_yet_there_lies_where_it_would_be_made(tmp_path: Path) -> None:
    assert disk_of(tmp_path / "a" / "b") == disk_of(tmp_path)
    assert disk_of(tmp_path).free_bytes > 0


@pytest.mark.parametrize(
    ("kind", "level"), [("local", "good"), ("network", "warning"), ("fuse", "warning"), ("memory", "warning")]
)
def test_the_state_wants_a_local_disk(kind: str, level: str) -> None:
    found = findings.of_state_disk(Path("/state"), Disk(kind, "x", 10**12))  # type: ignore[arg-type]
    assert found.level == level and (found.remedy is None) == (level == "good")


def test_folders_that_cannot_be_written_are_broken_with_the_key_that_names_them() -> None:
    store = StoreStatus("/s", "/v", 10**9, 2 * 10**9, 10**12, 3, 0, 1, 1, None, True)
    held = Disk("local", "ext4", 10**12, writable=False)
    files, views, room = findings.of_store(store, held, held)
    assert [files.level, views.level, room.level] == ["broken", "broken", "good"]
    assert "store_dir" in (files.remedy or "") and "views_dir" in (views.remedy or "")
    assert findings.of_state_disk(Path("/state"), held).level == "broken"


def test_little_room_is_a_warning() -> None:
    store = StoreStatus("/s", "/v", 10**9, 2 * 10**9, 10**8, 3, 0, 1, 1, None, True)
    *_, found = findings.of_store(store, *[Disk("local", "ext4", 10**8)] * 2)
    assert found.level == "warning" and "100 MB are free" in found.says and "1.0 GB of 2.0 GB" in found.says


@pytest.mark.parametrize(("skew", "level"), [(0.4, "good"), (-90, "warning"), (3600, "broken")])
def test_clocks_that_differ_are_told(skew: float, level: str) -> None:
    *_, found = findings.of_reach("lab", "https://rucio", Reachability("41.5", 0.1, skew))
    assert found.level == level
    if skew == 3600:
        assert "1 h behind its clock" in found.says


@pytest.mark.parametrize("password", ["secret", "s@cret", "s/cret", "s//cr:e@t/"])
@pytest.mark.parametrize("scheme", ["http://", ""])
def test_the_secret_of_a_proxy_is_not_shown(scheme: str, password: str) -> None:
    (found,) = findings.of_proxies({"HTTPS_PROXY": f"{scheme}alice:{password}@proxy:3128"})
    assert found.says == f"HTTPS_PROXY is {scheme}***@proxy:3128."


def test_a_proxy_without_user_is_shown_as_it_is() -> None:
    (found,) = findings.of_proxies({"HTTPS_PROXY": "http://proxy:3128/"})
    assert found.says == "HTTPS_PROXY is http://proxy:3128/."


class Pong(http.server.BaseHTTPRequestHandler):
    """Answers to a ping as Rucio does; its clock is ten minutes late."""

    def do_GET(self) -> None:
        body = json.dumps({"version": "41.5.1"}).encode()
        self.send_response_only(200)
        self.send_header("Date", formatdate(time() - 600, usegmt=True))
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:
        pass


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    return Authority(tmp_path_factory.mktemp("ca"))


@pytest.fixture
def rucio(authority: Authority) -> Iterator[str]:
    """The address of a server with a certificate of the authority."""
    leaf = authority.server()
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(leaf.certificate, leaf.key)
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Pong)
    server.socket = context.wrap_socket(server.socket, server_side=True)
    thread = threading.Thread(target=server.serve_forever, args=(0.01,))
    thread.start()
    yield f"https://localhost:{server.server_port}"
    server.shutdown()
    server.server_close()
    thread.join()


def test_an_unknown_authority_is_told_from_a_broken_file(
    rucio: str, authority: Authority, tmp_path: Path
) -> None:
    assert explain_certificate(rucio, str(authority.certificate)) is None
    untrusted = explain_certificate(rucio, None)
    assert untrusted is not None and "rucio_ca_cert" in untrusted[1]
    broken = explain_certificate(rucio, str(tmp_path / "absent.pem"))
    assert broken is not None and "no readable PEM" in broken[0]


def configure(home: Path, options: dict[str, object] | None = None, **keys: object) -> None:
    instance = {"name": "lab", "display_name": "The lab", "mode": "download", **keys}
    folder = home / "jupyter"
    folder.mkdir()
    content = {"RucioConfig": {"instances": [instance], **(options or {})}}
    (folder / "jupyter_server_config.json").write_text(json.dumps(content))


def examine(capsys: pytest.CaptureFixture[str]) -> tuple[int, list[findings.Finding]]:
    code = main(["doctor", "--json"])
    return code, [findings.Finding(**json.loads(line)) for line in capsys.readouterr().out.splitlines()]


def test_everything_that_is_looked_at_is_told(
    alone: Path, engine: EngineStandIn, rucio: str, authority: Authority, capsys: pytest.CaptureFixture[str]
) -> None:
    token = alone / "token"
    token.write_text("very-secret")
    configure(
        alone,
        rucio_base_url=rucio,
        rucio_ca_cert=str(authority.certificate),
        oidc_auth="file",
        oidc_file_name=str(token),
    )
    code, found = examine(capsys)
    told = " ".join(one.says for one in found)
    assert {one.area for one in found} == {"versions", "configuration", "lab", "engine", "disk", "log"}
    for sentence in (
        "is configured by",
        "was written 0 s ago",
        "it is Rucio 41.5.1",
        "10 min ahead of its clock",
        "Signed in as alice",
        "Files are fetched by libcurl 8",
        "The state lies in",
        "engine.log",
    ):
        assert sentence in told
    assert "very-secret" not in told
    assert [one.says for one in found if one.level == "broken"] == [
        "This machine's clock is 10 min ahead of its clock."
    ]
    assert code == 1


def test_an_untrusted_certificate_has_its_remedy(
    alone: Path, engine: EngineStandIn, rucio: str, capsys: pytest.CaptureFixture[str]
) -> None:
    configure(alone, rucio_base_url=rucio)
    code, found = examine(capsys)
    (broken,) = [one for one in found if one.level == "broken"]
    assert code == 1 and "does not trust" in broken.says and "rucio_ca_cert" in (broken.remedy or "")


def test_a_wrong_key_and_a_missing_mount_are_named(
    alone: Path, engine: EngineStandIn, capsys: pytest.CaptureFixture[str]
) -> None:
    configure(
        alone,
        rucio_base_url="http://rucio",
        mode="replica",
        destination_rse="EOS",
        rse_mount_path=str(alone / "eos"),
    )
    code, found = examine(capsys)
    broken = " ".join(one.says for one in found if one.level == "broken")
    assert code == 1 and "rucio_base_url" in broken and "EOS should be mounted" in broken


def test_numbers_that_cannot_be_meant_are_told_and_the_rest_is_looked_at(
    alone: Path, engine: EngineStandIn, rucio: str, authority: Authority, capsys: pytest.CaptureFixture[str]
) -> None:
    options: dict[str, object] = {"connect_timeout": -5, "request_timeout": 0}
    configure(alone, options, rucio_base_url=rucio, rucio_ca_cert=str(authority.certificate))
    _, found = examine(capsys)
    told = " ".join(one.says for one in found)
    assert "“connect_timeout”" in told and "“request_timeout”" in told and "it is Rucio 41.5.1" in told


@pytest.mark.parametrize("by", ["site", "user"])
def test_an_authority_that_is_not_there_is_told_and_the_rest_is_looked_at(
    by: str, alone: Path, engine: EngineStandIn, rucio: str, capsys: pytest.CaptureFixture[str]
) -> None:
    absent = str(alone / "absent.pem")
    if by == "site":
        configure(alone, rucio_base_url=rucio, rucio_ca_cert=absent)
    else:
        added = Instance(name="lab", rucio_base_url=rucio, rucio_ca_cert=absent, source="user")
        write_added(alone / "state", [added])
    code, found = examine(capsys)
    (broken,) = [one for one in found if one.level == "broken"]
    assert code == 1 and f"“rucio_ca_cert” names {absent}" in broken.says
    assert {"engine", "disk", "log"} <= {one.area for one in found}


def test_a_state_folder_that_cannot_be_one_is_told_and_the_rest_is_looked_at(
    alone: Path, rucio: str, authority: Authority, capsys: pytest.CaptureFixture[str]
) -> None:
    configure(alone, rucio_base_url=rucio, rucio_ca_cert=str(authority.certificate))
    (alone / "state").write_text("no folder")
    code, found = examine(capsys)
    (broken,) = [one for one in found if one.level == "broken" and one.area == "disk"]
    assert code == 1 and "Set RUCIO_JUPYTERLAB_STATE" in broken.says
    assert "it is Rucio 41.5.1" in " ".join(one.says for one in found)


def test_a_folder_of_the_store_that_cannot_be_made_is_told_with_what_mends_it(
    alone: Path, engine: EngineStandIn, rucio: str, authority: Authority, capsys: pytest.CaptureFixture[str]
) -> None:
    configure(alone, rucio_base_url=rucio, rucio_ca_cert=str(authority.certificate))
    engine.refusals[protocol.GetStore] = BadConfiguration("The folder /eos/rucio cannot be made.")
    _, found = examine(capsys)
    broken = [(one.area, one.remedy) for one in found if "/eos/rucio" in one.says]
    assert broken == [("disk", None)]


def test_a_look_that_breaks_off_costs_no_other(
    alone: Path, engine: EngineStandIn, rucio: str, authority: Authority, capsys: pytest.CaptureFixture[str]
) -> None:
    configure(
        alone,
        rucio_base_url=rucio,
        rucio_ca_cert=str(authority.certificate),
        cs3={"cloud": {"secret_file": "/a\0b"}},  # no system call takes it
    )
    code, found = examine(capsys)
    (broken, *_) = [one for one in found if one.level == "broken"]
    assert code == 1 and broken.area == "lab" and "broke off: ValueError at" in broken.says
    assert any("it is Rucio 41.5.1" in one.says for one in found)
    assert {"engine", "disk", "log"} <= {one.area for one in found}


def unsigned_token(lasts: float) -> str:
    """A JSON web token that nobody has signed."""
    claims = base64.urlsafe_b64encode(json.dumps({"exp": time() + lasts}).encode()).rstrip(b"=").decode()
    return f"e30.{claims}.signature"


@pytest.mark.parametrize(
    ("content", "level", "sentence"),
    [
        (unsigned_token(1e6), "good", "days more"),
        (unsigned_token(-120), "broken", "lapsed"),
        ("app-password", "good", "is signed in to by the file"),
        ("", "broken", "there is no secret in"),
        (None, "broken", "there is no secret in"),
    ],
    ids=["fresh", "lapsed", "no token", "empty", "absent"],
)
def test_the_token_of_a_cloud_is_looked_at(
    alone: Path,
    engine: EngineStandIn,
    capsys: pytest.CaptureFixture[str],
    content: str | None,
    level: str,
    sentence: str,
) -> None:
    file = alone / "cernbox_oauth.token"
    if content is not None:
        file.write_text(content)
    configure(
        alone,
        rucio_base_url="https://localhost:1",
        cs3={"cloud.example.org": {"secret_file": str(file), "mounts": {"/eos": str(alone / "eos")}}},
    )
    _, found = examine(capsys)
    secret, mount = (one for one in found if "CS3 cloud" in one.says)
    assert (secret.level, mount.level) == (level, "broken") and sentence in secret.says
    assert not content or all(content not in one.says for one in found)


def test_who_is_signed_in_is_told_as_rucio_writes_it_and_nobody_is_invented() -> None:
    named = findings.of_account(info(account=AccountStatus("signed-in", "ATLAS-prod", expires_at=None)))
    assert named.says == "Signed in as ATLAS-prod."
    unasked = findings.of_account(info(account=AccountStatus("signed-in", renewable=True)))
    assert unasked.says == "Signed in, renewed by itself."


@pytest.mark.parametrize(("way", "renewed"), [("userpass", True), ("token", True), ("x509_proxy", False)])
def test_no_certificate_is_said_to_renew_itself(way: AuthType, renewed: bool) -> None:
    login = Login(auth_type=way, account="alice")
    told = findings.of_account(info(account=AccountStatus("signed-in", "alice", login, None, True)))
    assert ("renewed by itself" in told.says) == renewed


def test_a_server_that_answers_with_an_error_is_not_said_to_be_silent() -> None:
    told = findings.of_no_answer("lab", "https://rucio", "Lab answered with an error (HTTP 404).", None)
    assert told.says == "https://rucio: Lab answered with an error (HTTP 404)."


def test_what_the_engine_alone_knows_is_a_configuration(
    engine: EngineStandIn, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["doctor"]) == 0
    said = capsys.readouterr().out
    assert "✓ lab: Signed in as alice." in said and "No Rucio is configured" not in said


def test_a_machine_without_a_configuration_is_told_what_to_do(
    engine: EngineStandIn, capsys: pytest.CaptureFixture[str]
) -> None:
    engine.instances = Instances([], default=None)
    assert main(["doctor"]) == 1
    said = capsys.readouterr().out
    assert "✗ configuration: No Rucio is configured." in said and "→ Set c.RucioConfig.instances" in said
