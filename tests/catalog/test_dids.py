"""What the real Rucio knows of one DID: size, metadata, replicas, rules; and the scopes."""

from __future__ import annotations

import hashlib
import sqlite3
import zlib
from contextlib import closing

import pytest

from rucio_jupyterlab.accounts.accounts import Accounts
from rucio_jupyterlab.catalog.catalog import Catalog
from rucio_jupyterlab.catalog.model import Description, FileReplicas, Pfn
from rucio_jupyterlab.config import configuration_from
from rucio_jupyterlab.did import Did
from rucio_jupyterlab.engine.protocol import ListScopes
from rucio_jupyterlab.errors import BadRequest, NotFound
from rucio_mesh.testing import seeding
from tests.lab.lab import Lab

BOTH = ("ALPHA_DISK", "BETA_DISK")


@pytest.fixture(scope="module")
def scope(lab: Lab) -> str:
    """Files on one disk, on two, on tape, behind xrootd, without replica, and in an archive; all in `all`."""
    name = lab.scope()
    root = lab.client()
    lab.put_many(name, {"one": b"1"}, dataset="disk")
    lab.put_many(name, {"two": b"22"}, rses=BOTH, checksum="both", dataset="disk")
    tape = lab.register(name, "taped", b"333", rse="TAPE_ONLY")
    behind = lab.register(name, "behind", b"4444", rse="XROOTD_ONLY")
    lost = lab.register(name, "lost", b"55555", rse="TAPE_ONLY")
    lab.put(name, "archive.zip", b"PK....")
    root.add_files_to_archive(
        name, "archive.zip", [{"scope": name, "name": "member", "bytes": 6, "adler32": "00000001"}]
    )
    lab.collection(name, "tape", [tape])
    lab.collection(name, "rest", [behind, lost, Did(name, "member")])
    lose(lab, name, "lost")
    lab.collection(name, "inner", [(name, "disk"), (name, "tape")], kind="CONTAINER")
    lab.collection(name, "outer", [(name, "rest")], kind="CONTAINER")
    lab.collection(name, "all", [(name, "inner"), (name, "outer")], kind="CONTAINER", still_open=True)
    return name


def lose(lab: Lab, scope: str, name: str) -> None:
    """Delete a file's replicas, as Rucio's reaper does; the generic policy lets no account do so."""
    with closing(sqlite3.connect(lab.rucio.home / "rucio.db", timeout=60)) as database:
        database.execute("delete from replicas where scope = ? and name = ?", (scope, name))
        database.commit()


def files(catalog: Catalog, did: Did, rse: str | None = None) -> dict[str, FileReplicas]:
    found = list(catalog.files("lab", did, rse))
    assert len({one.did for one in found}) == len(found)
    return {one.did.name: one for one in found}


def test_a_did_is_described_down_to_its_files(catalog: Catalog, scope: str) -> None:
    disk = Description(Did(scope, "disk"), "dataset", bytes=3, files=2, open=True)
    one = Description(Did(scope, "one"), "file", bytes=1, files=1, open=False)
    assert catalog.describe("lab", [disk.did]) == [disk]
    assert catalog.describe("lab", [one.did]) == [one]
    [everything] = catalog.describe("lab", [Did(scope, "all")])
    assert everything.files == 6
    assert catalog.describe("lab", [one.did, everything.did, disk.did]) == [one, everything, disk]
    for several in ([], [one.did]):
        with pytest.raises(NotFound):
            catalog.describe("lab", [*several, Did(scope, "nowhere")])


@pytest.mark.parametrize(
    "end", ["files", "meta", "dids", "rules", "parents", "status", "follow", "guid/meta"]
)
def test_a_name_that_ends_as_rucios_questions_do_is_its_own(catalog: Catalog, lab: Lab, end: str) -> None:
    scope = lab.scope()
    lab.put(scope, "a", b"another")
    did = lab.put(scope, f"a/{end}", b"22")

    assert catalog.describe("lab", [did]) == [Description(did, "file", bytes=2, files=1, open=False)]
    assert files(catalog, did).keys() == {did.name}
    assert catalog.replicas("lab", did).files_total == 1
    assert catalog.rules("lab", did) == []


def test_every_file_of_nested_containers_comes_with_its_addresses(
    catalog: Catalog, scope: str, lab: Lab
) -> None:
    found = files(catalog, Did(scope, "all"))

    assert sorted(found) == ["behind", "lost", "member", "one", "taped", "two"]
    (pfn,) = found["one"].pfns
    assert (pfn.rse, pfn.scheme, pfn.media, pfn.in_archive) == ("ALPHA_DISK", "https", "disk", False)
    assert pfn.hosts == (f"localhost:{lab.alpha.port}",)
    assert [pfn.media for pfn in found["taped"].pfns] == ["tape"]
    assert [pfn.scheme for pfn in found["behind"].pfns] == ["root"]
    assert found["lost"].pfns == []
    assert all(pfn.in_archive for pfn in found["member"].pfns)


def test_size_and_checksums_are_those_of_the_catalogue(catalog: Catalog, scope: str) -> None:
    two = files(catalog, Did(scope, "two"))["two"]

    assert two.bytes == 2
    assert two.adler32 == f"{zlib.adler32(b'22'):08x}"
    assert two.md5 == hashlib.md5(b"22").hexdigest()
    assert sorted(pfn.rse for pfn in two.pfns) == ["ALPHA_DISK", "BETA_DISK"]


def test_the_addresses_of_one_rse_alone(catalog: Catalog, scope: str) -> None:
    found = files(catalog, Did(scope, "disk"), rse="BETA_DISK")

    assert found["one"].pfns == []
    assert [pfn.rse for pfn in found["two"].pfns] == ["BETA_DISK"]


def test_an_empty_dataset_has_no_files_and_a_missing_one_is_told(
    catalog: Catalog, lab: Lab, scope: str
) -> None:
    empty = lab.collection(lab.scope(), "empty", still_open=True)

    assert files(catalog, empty) == {}
    with pytest.raises(NotFound):
        files(catalog, Did(scope, "nowhere"))


def test_replicas_that_are_not_available_are_no_addresses(catalog: Catalog, lab: Lab) -> None:
    scope = lab.scope()
    lab.put(scope, "bad", b"x", rses=BOTH)
    (address,) = (pfn.url for pfn in files(catalog, Did(scope, "bad"))["bad"].pfns if pfn.rse == "ALPHA_DISK")
    lab.client().update_replicas_states("ALPHA_DISK", [{"scope": scope, "name": "bad", "state": "U"}])

    assert [pfn.rse for pfn in files(catalog, Did(scope, "bad"))["bad"].pfns] == ["BETA_DISK"]
    table = catalog.replicas("lab", Did(scope, "bad"))
    assert {row.rse: (row.state, row.files, row.reach) for row in table.rses} == {
        "ALPHA_DISK": ("UNAVAILABLE", 0, "none"),
        "BETA_DISK": ("AVAILABLE", 1, "http"),
    }
    assert address in table.pfns


def test_a_suspended_rse_is_told_as_such_and_not_as_missing(catalog: Catalog, lab: Lab) -> None:
    scope = lab.scope()
    rse = f"{scope.upper()}_DISK"
    lab.add_rse(rse, lab.beta.port)
    did = lab.collection(scope, "set", [lab.register(scope, "file", b"22", rse=rse)])
    lab.client().update_rse(rse, {"availability_read": False})

    table = catalog.replicas("lab", did)
    (row,) = table.rses

    assert (row.rse, row.files, row.state, row.reach) == (rse, 1, "SUSPENDED", "none")
    assert table.files_without_replica == 0
    assert [(one.rses, one.reach) for one in catalog.summarize("lab", [did])] == [(1, "none")]
    assert files(catalog, did)["file"].pfns == []


def test_replicas_are_added_up_by_rse(catalog: Catalog, scope: str) -> None:
    table = catalog.replicas("lab", Did(scope, "all"))
    by_rse = {row.rse: row for row in table.rses}

    assert (table.files_total, table.files_without_replica, table.files_in_archives) == (6, 1, 1)
    assert (by_rse["BETA_DISK"].files, by_rse["BETA_DISK"].bytes) == (1, 2)
    assert by_rse["BETA_DISK"].schemes == ["davs"]
    assert {rse: row.reach for rse, row in by_rse.items()} == {
        "ALPHA_DISK": "http",
        "BETA_DISK": "http",
        "TAPE_ONLY": "tape",
        "XROOTD_ONLY": "root-only",
    }
    assert by_rse["TAPE_ONLY"].media == "tape"
    assert table.pfns == []


def test_a_tape_whose_protocol_is_not_asked_for_is_told_as_tape(catalog: Catalog, lab: Lab) -> None:
    scope = lab.scope()
    rse = f"{scope.upper()}_TAPE"
    seeding.add_rse(lab.client(), rse, tape=True)
    seeding.set_protocol(lab.client(), rse, "scp", "tape.invalid", 22, implementation="ssh.Default")
    lab.register(scope, "taped", b"333", rse=rse)

    (row,) = catalog.replicas("lab", Did(scope, "taped")).rses

    assert (row.rse, row.files, row.media, row.schemes, row.reach) == (rse, 1, "tape", ["scp"], "tape")


def test_summaries_tell_where_the_rows_in_sight_are(catalog: Catalog, scope: str) -> None:
    names = ["disk", "tape", "rest", "inner", "all", "one", "taped", "behind", "lost", "nowhere"]

    told = catalog.summarize("lab", [Did(scope, name) for name in names])

    assert [summary.did.name for summary in told] == names
    by_name = {summary.did.name: summary for summary in told}
    assert {name: (one.files, one.rses, one.reach) for name, one in by_name.items()} == {
        "disk": (2, 2, "http"),
        "tape": (1, 1, "tape"),
        "rest": (3, 2, "http"),
        "inner": (3, 3, "http"),
        "all": (6, 4, "http"),
        "one": (1, 1, "http"),
        "taped": (1, 1, "tape"),
        "behind": (1, 1, "root-only"),
        "lost": (1, 0, "none"),
        "nowhere": (None, 0, "none"),
    }
    assert by_name["all"].open
    assert not by_name["inner"].open
    with pytest.raises(BadRequest, match="100"):
        catalog.summarize("lab", [Did(scope, "one")] * 101)


def test_an_rse_that_is_mounted_is_reached_by_its_mount(
    catalog: Catalog, accounts: Accounts, lab: Lab, scope: str
) -> None:
    keys = {"mode": "replica", "destination_rse": "ALPHA_DISK", "rse_mount_path": "/eos"}
    accounts.configure(configuration_from({"instances": [lab.configuration(**keys)]}, {}))

    (summary,) = catalog.summarize("lab", [Did(scope, "disk")])
    table = catalog.replicas("lab", Did(scope, "disk"))

    assert summary.reach == "mount"
    assert {row.rse: row.reach for row in table.rses} == {"ALPHA_DISK": "mount", "BETA_DISK": "http"}


def test_metadata_of_columns_and_json_come_sorted_and_without_blanks(catalog: Catalog, lab: Lab) -> None:
    did = lab.collection(lab.scope(), "described", metadata={"run": 7, "detector": "mu"})

    values = catalog.metadata("lab", did).values

    assert list(values) == sorted(values)
    assert (values["run"], values["detector"], values["did_type"]) == (7, "mu", "DATASET")
    assert None not in values.values()


def test_rules_on_a_dataset_and_on_the_dataset_of_a_file(catalog: Catalog, lab: Lab) -> None:
    scope = lab.scope()
    file = lab.put(scope, "f", b"1", dataset="ruled")
    root = lab.client()
    root.set_local_account_limit("root", "ALPHA_DISK", -1)
    root.add_replication_rule([{"scope": scope, "name": "ruled"}], 1, "ALPHA_DISK", lifetime=3600)

    (rule,) = catalog.rules("lab", Did(scope, "ruled"))

    assert (rule.account, rule.rse_expression, rule.copies, rule.state) == ("root", "ALPHA_DISK", 1, "OK")
    assert rule.locks_ok == 1
    assert rule.expires_at is not None
    assert rule.expires_at.startswith("20")
    assert [one.id for one in catalog.rules("lab", file)] == [rule.id]


def test_scopes_are_filtered_those_that_begin_so_first(catalog: Catalog) -> None:
    told = catalog.scopes(ListScopes("lab", "ALICE"))
    assert told.scopes == ["user.alice"]

    everything = catalog.scopes(ListScopes("lab", limit=1))
    assert len(everything.scopes) == 1
    assert everything.total > 1


def test_the_scopes_that_the_account_may_write_to_are_its_own(catalog: Catalog, accounts: Accounts) -> None:
    hers = catalog.scopes(ListScopes("lab", writable=True)).scopes
    assert "user.alice" in hers
    assert "group.higgs" not in hers

    accounts.switch("lab", "higgs")

    theirs = catalog.scopes(ListScopes("lab", writable=True)).scopes
    assert "group.higgs" in theirs
    assert "user.alice" not in theirs


def test_an_address_is_shown_without_its_signature(catalog: Catalog, scope: str) -> None:
    addresses = catalog.replicas("lab", Did(scope, "two")).pfns

    assert len(addresses) == 2
    assert all("?" not in address for address in addresses)
    assert isinstance(files(catalog, Did(scope, "two"))["two"].pfns[0], Pfn)
