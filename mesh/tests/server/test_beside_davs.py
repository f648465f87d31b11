"""A site whose RSEs leave third-party copy to davs and FTS, beside CS3 clouds between which we relay."""

from __future__ import annotations

from pathlib import Path

from rucio_mesh.testing import seeding
from rucio_mesh.testing.seeding import ALL_RIGHTS

from .clouds import ALPHA, BETA, Clouds

NO_COPY = {
    domain: {right: level for right, level in rights.items() if not right.startswith("third_party_copy")}
    for domain, rights in ALL_RIGHTS.items()
}


def add_rse_with_davs(clouds: Clouds, rse: str) -> None:
    """With cs3 for all but third-party copy, and davs for that."""
    seeding.add_rse(clouds.client, rse)
    clouds.add_protocol(rse, clouds.clouds[ALPHA], domains=NO_COPY)
    clouds.add_protocol(
        rse,
        clouds.clouds[ALPHA],
        scheme="davs",
        impl="rucio.rse.protocols.webdav.Default",
        domains={"lan": {}, "wan": {"third_party_copy_read": 1, "third_party_copy_write": 1}},
    )
    clouds.client.add_rse_attribute(rse, "fts", "https://fts.example.org:8446")


def test_each_transfer_goes_to_the_tool_that_its_rses_have_the_protocol_for(tmp_path: Path) -> None:
    with Clouds(tmp_path) as clouds:
        clouds.client.set_config_option("conveyor", "use_preparer", "True")
        clouds.client.set_config_option("conveyor", "transfertool", "fts3")
        for rse in ("DAVS_ONE", "DAVS_TWO"):
            add_rse_with_davs(clouds, rse)
        clouds.client.add_distance("DAVS_ONE", "DAVS_TWO", {"distance": 1})
        ours, content = clouds.file_at(ALPHA, 1000)
        theirs = seeding.File.of(ours.scope, "theirs", b"abc")
        seeding.register(clouds.client, "DAVS_ONE", [theirs])
        our_rule, their_rule = clouds.rule(ours, BETA), clouds.rule(theirs, "DAVS_TWO")

        clouds.conveyor("preparer", "submitter", "poller", "finisher")

        assert clouds.state(our_rule) == "OK"
        assert clouds.stored(BETA, ours).read_bytes() == content
        request = clouds.request(theirs, "DAVS_TWO")
        assert (request["state"], request["transfertool"]) == ("QUEUED", "fts3")
        assert clouds.state(their_rule) == "REPLICATING"
