"""`jupyter rucio doctor`: look at everything that staging needs, and say what is broken."""

from __future__ import annotations

import importlib.metadata
import os
import platform
import time
from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from .. import __version__
from ..accounts.signin import Door
from ..config import Instance
from ..config.added import read_added
from ..engine import protocol
from ..errors import BadConfiguration, Failure, outline
from . import findings
from .clouds import of_clouds
from .disks import disk_of
from .engine import Engine
from .findings import Finding
from .output import Exit, Output
from .site import Site
from .tls import explain_certificate

PACKAGES = ("rucio-clients", "pycurl", "jupyter_server", "jupyterlab")

_SIGNS = {"good": "✓", "warning": "!", "broken": "✗"}


def examine(site: Site, state: Path, engine: Engine, output: Output) -> Exit:
    """Say each finding as it is made; fail if one is broken."""
    broken = 0
    for finding in _findings(site, state, engine):
        output.struct(finding)
        output.say(f"{_SIGNS[finding.level]} {finding.area}: {finding.says}")
        if finding.remedy:
            output.say(f"    → {finding.remedy}")
        broken += finding.level == "broken"
    return Exit.FAILED if broken else Exit.OK


def _findings(site: Site, state: Path, engine: Engine) -> Iterator[Finding]:
    yield Finding("versions", "good", _versions())
    yield from findings.of_site(site)
    yield from findings.of_proxies(os.environ)
    instances = [*site.configuration.instances, *read_added(state)]
    for instance in instances:
        yield from _guarded(instance.name, _of_what_the_site_provides(instance))
    yield from _of_reach([one for one in instances if one.base_url and not one.problem], site)
    yield from _guarded("engine", _of_engine(engine))
    yield from _guarded("disk", _of_state(state))


def _guarded(area: str, found: Iterable[Finding]) -> Iterator[Finding]:
    """What was found in one area; where the look breaks off that is told, and the other areas are seen."""
    try:
        yield from found
    except Exception as error:  # noqa: BLE001 - what broke it cannot be foreseen, and is told
        yield findings.of_broken_look(area, outline(error))


def _versions() -> str:
    known = [f"{name} {version}" for name in PACKAGES if (version := _version(name))]
    return f"rucio-jupyterlab {__version__} on Python {platform.python_version()}; {', '.join(known)}."


def _version(package: str) -> str | None:
    try:
        return importlib.metadata.version(package)
    except importlib.metadata.PackageNotFoundError:
        return None


def _of_what_the_site_provides(instance: Instance) -> Iterator[Finding]:
    if instance.mode == "replica" and instance.rse_mount_path:
        path = Path(instance.rse_mount_path)
        yield findings.of_mount(instance.name, path, instance.destination_rse, path.is_dir())
    if instance.oidc_auth == "file" and instance.oidc_file_name:
        path = Path(instance.oidc_file_name)
        yield findings.of_token_file(instance.name, path, _age(path))
    yield from of_clouds(instance, os.environ)


def _age(path: Path) -> float | None:
    """Seconds since the file was written; None where this user cannot read it."""
    try:
        with path.open("rb"):
            return time.time() - path.stat().st_mtime
    except OSError:
        return None


def _of_reach(instances: list[Instance], site: Site) -> Iterator[Finding]:
    """All at once: one that hangs does not hold up the others."""
    with ThreadPoolExecutor() as pool:
        for found in pool.map(lambda one: list(_guarded(one.name, _knock(one, site))), instances):
            yield from found


def _knock(instance: Instance, site: Site) -> Iterator[Finding]:
    url = instance.base_url
    try:
        door = Door(instance, site.configuration.options, os.environ)
    except BadConfiguration as failure:
        yield findings.of_unusable(instance, str(failure))
        return
    try:
        yield from findings.of_reach(instance.name, url, door.knock())
    except Failure as failure:
        ca = door.ca if isinstance(door.ca, str) else None
        yield findings.of_no_answer(instance.name, url, str(failure), explain_certificate(url, ca))


def _of_engine(engine: Engine) -> Iterator[Finding]:
    try:
        yield from findings.of_engine(engine.ask(protocol.GetEngine()), __version__)
        instances = engine.ask(protocol.ListInstances()).instances
        if not instances:  # a demo that the panel has started is known to the engine alone
            yield findings.of_nothing()
        for info in instances:
            yield findings.of_account(info)
        store = engine.ask(protocol.GetStore())
        disks = disk_of(Path(store.store_path)), disk_of(Path(store.views_path))
        yield from findings.of_store(store, *disks)
    except Failure as failure:
        if failure.problem().type == BadConfiguration.type:  # of a folder, with what mends it
            yield Finding("disk", "broken", str(failure))
        else:
            yield Finding("engine", "broken", str(failure), "Read its log, which is named below.")


def _of_state(state: Path) -> Iterator[Finding]:
    yield findings.of_state_disk(state, disk_of(state))
    yield Finding("log", "good", f"The engine's log is {state / 'engine.log'}.")
    yield Finding("log", "good", "The extension's log is the Jupyter server's.")
