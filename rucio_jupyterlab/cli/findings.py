"""What the doctor concludes from what was observed. No I/O here."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Literal

import msgspec

from ..accounts.model import InstanceInfo, Reachability
from ..config import Instance
from ..engine.protocol import EngineStatus
from ..installing import install_command
from ..kernel import words
from ..staging.model import StoreStatus
from .accounts import standing
from .disks import Disk
from .site import Site
from .tls import Explanation

Level = Literal["good", "warning", "broken"]

SMALL_DISK = 1_000_000_000
"""Bytes; with less free, staging soon stops."""
CLOCK_WARNING, CLOCK_BROKEN = 30.0, 300.0
"""Seconds; tokens and certificates are judged by the clock."""
SLOW = 5.0
"""Seconds for a ping."""
_USER_OF_PROXY = re.compile(r"^(\w+://)?.*@")
"""To the last @: a password may hold others, and a slash."""


class Finding(msgspec.Struct, frozen=True):
    """One thing that was looked at."""

    area: str
    level: Level
    says: str
    """A sentence."""
    remedy: str | None = None
    """What to do about it."""


def of_site(site: Site) -> Iterator[Finding]:
    """Where the configuration comes from, and its wrong keys."""
    area = "configuration"
    configuration = site.configuration
    for path in site.broken_files:
        yield Finding(
            area, "broken", f"{path} could not be read.", "Correct it; Jupyter's log tells the line."
        )
    for path in site.unread_files:
        yield Finding(
            area,
            "warning",
            f"{path} is not read: in its folder Jupyter looks for switches of extensions alone.",
            f"Move its RucioConfig to {path.parent.with_suffix('.json')}.",
        )
    if configuration.problem:
        yield Finding(area, "broken", configuration.problem, _where_to_correct(site))
    for one in configuration.instances:
        if one.problem:
            yield of_unusable(one, one.problem)
        else:
            yield Finding(area, "good", f"{one.name} is configured by {one.source_detail}.")


def of_unusable(instance: Instance, problem: str) -> Finding:
    """An instance whose keys do not do."""
    remedy = f"Correct it in {instance.source_detail}."
    if instance.source == "user":
        remedy = "Remove it in the panel, and add it anew."
    return Finding("configuration", "broken", f"{instance.name}: {problem}", remedy)


def of_broken_look(area: str, where: str) -> Finding:
    """A look that ended in an error of this command's own."""
    return Finding(area, "broken", f"The look at it broke off: {where}.", "Report it, with this line.")


def of_nothing() -> Finding:
    """No instance at all."""
    return Finding(
        "configuration",
        "broken",
        "No Rucio is configured.",
        "Set c.RucioConfig.instances, write a rucio.cfg, or add one in the panel.",
    )


def of_mount(instance: str, path: Path, rse: str | None, present: bool) -> Finding:
    """The RSE that the site says is mounted."""
    if present:
        return Finding(instance, "good", f"{rse} is mounted at {path}.")
    return Finding(
        instance,
        "broken",
        f"{rse} should be mounted at {path}, which is no folder.",
        "Correct rse_mount_path.",
    )


def of_token_file(instance: str, path: Path, age: float | None) -> Finding:
    """The file in which a site leaves the token; `age` in seconds, None where it cannot be read."""
    if age is None:
        return Finding(
            instance,
            "broken",
            f"The token file {path} cannot be read.",
            "Correct oidc_file_name, or its mode.",
        )
    return Finding(instance, "good", f"The token file {path} was written {words.duration(age)} ago.")


def of_missing_cs3(instance: str) -> Finding:
    """Clouds are configured, and cannot be read."""
    return Finding(
        instance,
        "warning",
        "CS3 clouds are configured, and the packages to read them are missing.",
        f"Run `{install_command('cs3')}`.",
    )


def of_cloud_secret(
    instance: str, host: str, place: str, *, there: bool, seconds_left: float | None
) -> Finding:
    """What signs in at a CS3 gateway; `seconds_left` is None where it does not tell how long it lasts."""
    if not there:
        remedy = "Correct the key cs3, or the file's mode; a hub that renews tokens may have stopped."
        return Finding(instance, "broken", f"For the CS3 cloud {host} there is no secret in {place}.", remedy)
    if seconds_left is None:
        return Finding(instance, "good", f"The CS3 cloud {host} is signed in to by {place}.")
    if seconds_left <= 0:
        lapsed = f"The token for the CS3 cloud {host} in {place} lapsed {words.duration(-seconds_left)} ago."
        return Finding(
            instance, "broken", lapsed, "Renew it; on a hub, restart your server if that does not."
        )
    lasts = f"The token for the CS3 cloud {host} in {place} lasts {words.duration(seconds_left)} more."
    return Finding(instance, "good", lasts)


def of_cloud_mount(instance: str, host: str, prefix: str, mount: Path, present: bool) -> Finding:
    """A cloud's folder that the site says is mounted."""
    if present:
        return Finding(instance, "good", f"{prefix} of the CS3 cloud {host} is mounted at {mount}.")
    sentence = f"{prefix} of the CS3 cloud {host} should be mounted at {mount}, which is no folder."
    return Finding(instance, "broken", sentence, "Correct mounts in the key cs3.")


def of_account(info: InstanceInfo) -> Finding:
    """How the user stands with one instance."""
    told = standing(info)
    sentence = f"{told[0].upper()}{told[1:]}."
    if info.problem:
        return Finding(info.name, "broken", info.problem, f"Correct it in {info.source_detail}.")
    if info.account.state == "signed-in":
        return Finding(info.name, "good", sentence)
    return Finding(info.name, "warning", sentence, f"Run `jupyter rucio signin {info.name}`.")


def of_reach(instance: str, url: str, reach: Reachability) -> Iterator[Finding]:
    """How fast Rucio answers, and whether the clocks agree."""
    slow = reach.seconds > SLOW
    sentence = f"{url} answers in {1000 * reach.seconds:.0f} ms; it is Rucio {reach.version}."
    yield Finding(instance, "warning" if slow else "good", sentence, "Try again later." if slow else None)
    if reach.clock_skew is None:
        return
    apart = abs(reach.clock_skew)
    if apart < CLOCK_WARNING:
        yield Finding(instance, "good", "Its clock and this machine's agree.")
        return
    direction = "behind" if reach.clock_skew > 0 else "ahead of"
    yield Finding(
        instance,
        "broken" if apart > CLOCK_BROKEN else "warning",
        f"This machine's clock is {words.duration(apart)} {direction} its clock.",
        "Set the clock by NTP: tokens and certificates are judged by it.",
    )


def of_no_answer(instance: str, url: str, failure: str, certificate: Explanation | None) -> Finding:
    """Why Rucio does not answer."""
    if certificate:
        return Finding(instance, "broken", f"{url} is not trusted. {certificate[0]}", certificate[1])
    return Finding(
        instance,
        "broken",
        f"{url}: {failure}",
        "Check rucio_base_url, the network, and any proxy between; else try again later.",
    )


def of_engine(status: EngineStatus, version: str) -> Iterator[Finding]:
    """How the engine is doing."""
    yield Finding(
        "engine",
        "good",
        f"Process {status.pid} has run for {words.duration(status.seconds_up)}, takes "
        f"{words.size(status.memory_bytes)} of memory, has {words.count(status.running_jobs, 'running job')}.",
    )
    if status.version != version:
        yield Finding(
            "engine",
            "warning",
            f"It is of version {status.version}, and this command of {version}.",
            "Restart the Jupyter server, so that both are of one version.",
        )
    if status.http_source is None:
        yield Finding(
            "engine",
            "broken",
            "pycurl is missing: nothing can be fetched over HTTP.",
            "Run `pip install pycurl`.",
        )
    else:
        yield Finding("engine", "good", f"Files are fetched by {status.http_source}.")


def of_state_disk(path: Path, disk: Disk) -> Finding:
    """The folder of journal and tokens."""
    where = f"The state lies in {path}, on a {_kind(disk)}"
    move = "Set RUCIO_JUPYTERLAB_STATE to a folder of its own on a local disk that stays."
    if not disk.writable:
        return Finding("disk", "broken", f"{where}, and cannot be written.", move)
    if disk.kind in ("network", "fuse"):
        return Finding("disk", "warning", f"{where}, where locks and databases may fail.", move)
    if disk.kind == "memory":
        return Finding("disk", "warning", f"{where}, which is lost at a restart.", move)
    return Finding("disk", "good", f"{where}.")


def of_store(store: StoreStatus, disk: Disk, views_disk: Disk) -> Iterator[Finding]:
    """The folders of staged files and of the links to them, and the room that is left."""
    where = f"Staged files lie in {store.store_path}, on a {_kind(disk)}"
    if not disk.writable:
        yield Finding(
            "disk",
            "broken",
            f"{where}, and cannot be written.",
            "Mend that, or set store_dir to another folder.",
        )
    elif disk.kind == "memory":
        yield Finding(
            "disk", "warning", f"{where}, so they take memory.", "Set store_dir to a folder on a disk."
        )
    else:
        yield Finding("disk", "good", f"{where}.")
    views = f"They are shown in {store.views_path}, on a {_kind(views_disk)}"
    if views_disk.writable:
        yield Finding("disk", "good", f"{views}.")
    else:
        yield Finding(
            "disk",
            "broken",
            f"{views}, and cannot be written.",
            "Mend that, or set views_dir to another folder.",
        )
    quota = "" if store.quota_bytes is None else f" of {words.size(store.quota_bytes)}"
    take = "takes" if store.files == 1 else "take"
    sentence = (
        f"{words.count(store.files, 'staged file')} {take} {words.size(store.used_bytes)}{quota}; "
        f"{words.size(store.free_bytes)} are free."
    )
    small = store.free_bytes < SMALL_DISK
    remedy = "Free some space, or set store_dir to a larger disk." if small else None
    yield Finding("disk", "warning" if small else "good", sentence, remedy)


def of_proxies(environ: Mapping[str, str]) -> Iterator[Finding]:
    """The proxies that all connections take; what stands before an @ is a secret."""
    for name in ("https_proxy", "http_proxy", "all_proxy", "no_proxy"):
        value = environ.get(name) or environ.get(name.upper())
        if value:
            shown = _USER_OF_PROXY.sub(r"\1***@", value)
            yield Finding("network", "good", f"{name.upper()} is {shown}.")


def _kind(disk: Disk) -> str:
    words_of = {
        "local": "local disk",
        "network": "network disk",
        "fuse": "disk in user space",
        "memory": "disk in memory",
        "container": "container's own disk",
        "unknown": "disk of unknown kind",
    }
    return words_of[disk.kind] + (f" ({disk.filesystem})" if disk.filesystem else "")


def _where_to_correct(site: Site) -> str:
    return f"Correct it in {', '.join(map(str, site.files))}." if site.files else "Correct the variable."
