"""What a user of another cloud shares with us: registered where it is, and copied by a rule."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from contextlib import ExitStack

import pytest

from rucio_mesh.cs3 import ocm
from rucio_mesh.cs3.auth import Basic, Secret
from rucio_mesh.cs3.client import Client
from rucio_mesh.cs3.settings import Settings
from rucio_mesh.testing import seeding
from rucio_mesh.testing.seeding import File

from .clouds import ALPHA, BETA, GAMMA, SCOPE, Clouds, run

RECEIVED = "RECEIVED"
# Rucio takes the addresses of replicas only where it may write; what it may not is copy there, or delete.
RIGHTS = {
    "lan": {"read": 1, "write": 1},
    "wan": {"read": 1, "write": 1, "third_party_copy_read": 1},
}


@pytest.fixture(scope="module")
def mount(all_clouds: Clouds) -> Iterator[str]:
    """Marie, of one cloud, shares a folder with einstein, of another, who accepts: where he sees it."""
    owner_cloud = all_clouds.clouds[BETA]
    with ExitStack() as connected:

        def sign_in(rse: str, user: str, password: str) -> Client:
            settings = Settings("127.0.0.1", all_clouds.clouds[rse].grpc_port)
            return connected.enter_context(Client(settings, Basic(user, Secret.of(password))))

        marie, einstein = sign_in(BETA, "marie", "radioactivity"), sign_in(ALPHA, "einstein", "relativity")
        folder = f"{marie.home()}/run 7"
        marie.make_containers(f"{folder}/raw")
        owner_cloud.path(f"{folder}/a.root", "marie").write_bytes(b"abc")
        owner_cloud.path(f"{folder}/raw/b #1.root", "marie").write_bytes(b"defg")

        invitation = ocm.invite(marie)
        ocm.accept(einstein, invitation.token, owner_cloud.domain)
        (friend,) = ocm.partners(marie)
        ocm.share_with(marie, folder, friend, all_clouds.clouds[ALPHA].domain)
        (offer,) = ocm.received(einstein)
        ocm.answer(einstein, offer.id, "accepted")

        all_clouds.client.add_rse(RECEIVED, deterministic=False)
        all_clouds.client.set_local_account_limit("root", RECEIVED, -1)
        all_clouds.add_protocol(RECEIVED, all_clouds.clouds[ALPHA], prefix="/ocm/", domains=RIGHTS)
        all_clouds.client.add_distance(RECEIVED, GAMMA, {"distance": 1})
        yield f"/ocm/{offer.id}"


def register(
    clouds: Clouds, rse: str, path: str, dataset: str, *options: str
) -> subprocess.CompletedProcess[str]:
    return run(["register-share", rse, path, f"{SCOPE}:{dataset}", *options], clouds.user_environment())


def test_a_share_becomes_a_dataset_that_a_rule_copies(clouds: Clouds, mount: str) -> None:
    done = register(clouds, RECEIVED, mount, "run7", "--read")
    assert (done.returncode, done.stdout) == (0, "2 files added, 0 known already\n"), done.stderr

    files = {each["name"]: each for each in clouds.client.list_files(SCOPE, "run7")}
    odd = next(name for name in files if name != "run7/a.root")
    assert odd.startswith("run7/raw/b_1.root-")
    assert (files["run7/a.root"]["bytes"], files["run7/a.root"]["adler32"]) == (3, "024d0127")
    (replica,) = clouds.client.list_replicas([{"scope": SCOPE, "name": odd}], schemes=["cs3"])
    port = clouds.clouds[ALPHA].grpc_port
    assert list(replica["pfns"]) == [f"cs3://127.0.0.1:{port}{mount}/raw/b #1.root"]

    (rule,) = clouds.client.add_replication_rule([{"scope": SCOPE, "name": "run7"}], 1, GAMMA)
    clouds.conveyor()
    assert clouds.state(rule) == "OK"
    assert clouds.stored(GAMMA, File(SCOPE, odd, 4)).read_bytes() == b"defg"

    down = clouds.folder / "down"
    clouds.rucio_client(
        "download", "--protocol", "cs3", "--rses", RECEIVED, "--dir", str(down), f"{SCOPE}:run7"
    )
    # Rucio's client makes no folders for the slashes in a name.
    assert {path.read_bytes() for path in down.rglob("*.root*")} == {b"abc", b"defg"}


def test_what_is_new_in_a_share_is_added_later(clouds: Clouds, mount: str) -> None:
    assert register(clouds, RECEIVED, f"{mount}/raw", "raw").returncode == 0
    cloud = clouds.clouds[BETA]
    cloud.path(f"{cloud.home('marie')}/run 7/raw/c.root", "marie").write_bytes(b"hi")
    done = register(clouds, RECEIVED, f"{mount}/raw", "raw")
    assert done.stdout.splitlines() == [
        "1 files added, 1 known already",
        "1 of them without checksum; --read computes it",
    ]
    cloud.path(f"{cloud.home('marie')}/run 7/raw/c.root", "marie").unlink()


def test_one_file_is_a_share_too(clouds: Clouds, mount: str) -> None:
    assert register(clouds, RECEIVED, f"{mount}/a.root", "single").returncode == 0
    assert [each["name"] for each in clouds.client.list_files(SCOPE, "single")] == ["single/a.root"]


@pytest.mark.parametrize(
    ("rse", "path", "told"),
    [
        (ALPHA, "/ocm/x", "use an RSE with deterministic = False"),
        (RECEIVED, "/eos/user", "is not below /ocm/"),
        (RECEIVED, "/ocm/../eos", "'..'"),
        (RECEIVED, "/ocm/no-such-share", "Stat /ocm/no-such-share: CODE_NOT_FOUND"),
        ("NO_SUCH_RSE", "/ocm/x", "NO_SUCH_RSE"),
    ],
)
def test_what_cannot_be_registered_is_told_in_one_line(
    clouds: Clouds, mount: str, rse: str, path: str, told: str
) -> None:
    done = register(clouds, rse, path, "nothing")
    assert done.returncode == 1
    assert told in done.stderr and done.stderr.count("\n") == 1


def test_an_rse_without_cs3_is_told(clouds: Clouds) -> None:
    clouds.client.add_rse("BARE", deterministic=False)
    seeding.add_scope(clouds.client, SCOPE)
    done = register(clouds, "BARE", "/ocm/x", "nothing")
    assert "BARE has no cs3 protocol" in done.stderr
