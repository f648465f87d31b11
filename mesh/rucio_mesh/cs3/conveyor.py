"""Rucio's own daemons, with the relaying transfertool registered: what `rucio-mesh conveyor` runs.

Rucio's programs cannot be told of a further transfertool, so this starts the functions behind them. Beside a site's
other conveyors `[conveyor] use_preparer` has to be true: the preparer, which has to be ours, then gives each request
to one transfertool, and our submitter takes only what is the relay's.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import rucio.db.sqla.util
from rucio.common.config import config_get_bool, config_get_list
from rucio.common.logging import setup_logging
from rucio.core.topology import ExpiringObjectCache, Topology
from rucio.daemons.conveyor import finisher, poller, preparer, submitter
from rucio.daemons.judge import cleaner, evaluator, injector, repairer

from . import transfertool
from .transfertool import NAME, RELAYS

LOGGER = logging.getLogger(NAME)


class ConveyorFailed(Exception):
    """The configuration does not allow it to run, a daemon has ended by itself, or relays do not end at all."""


@dataclass(frozen=True)
class Daemon:
    """One of Rucio's."""

    run: Callable[[bool, int], None]
    """Given whether to make one round only, and the seconds between rounds; returns at the end."""
    stop: Callable[[], None]


def submit(once: bool, pause_seconds: int) -> None:
    """One round ends when all its relays have ended."""
    submitter.submitter(
        once=once,
        sleep_time=pause_seconds,
        partition_wait_time=partition_seconds(once, pause_seconds),
        max_sources=0,  # beside the best one: after a failure another becomes the best
        transfertools=[NAME],
        filter_transfertool=NAME if uses_preparer() else None,
        cached_topology=topology(),
    )
    if once:
        RELAYS.wait_until_idle()


def poll(once: bool, pause_seconds: int) -> None:
    """Find the relays that were killed; those that end tell Rucio themselves."""
    poller.poller(
        once=once,
        sleep_time=pause_seconds,
        partition_wait_time=partition_seconds(once, pause_seconds),
        older_than=0 if once else 60,
        transfertool=NAME,
        filter_transfertool=NAME,
        cached_topology=topology(),
    )


def finish(once: bool, pause_seconds: int) -> None:
    finisher.finisher(
        once=once,
        sleep_time=pause_seconds,
        partition_wait_time=partition_seconds(once, pause_seconds),
        cached_topology=topology(),
    )


def prepare(once: bool, pause_seconds: int) -> None:
    configured = config_get_list("conveyor", "transfertool", raise_exception=False, default=[])
    preparer.preparer(
        once=once,
        sleep_time=pause_seconds,
        partition_wait_time=partition_seconds(once, pause_seconds),
        transfertools=sorted({*configured, NAME}),
        cached_topology=topology(),
    )


DAEMONS = {
    "preparer": Daemon(prepare, preparer.stop),
    "submitter": Daemon(submit, submitter.stop),
    "poller": Daemon(poll, poller.stop),
    "finisher": Daemon(finish, finisher.stop),
    "evaluator": Daemon(lambda once, pause: evaluator.run(once=once, sleep_time=pause), evaluator.stop),
    "injector": Daemon(lambda once, pause: injector.run(once=once, sleep_time=pause), injector.stop),
    "repairer": Daemon(lambda once, pause: repairer.run(once=once, sleep_time=pause), repairer.stop),
    "cleaner": Daemon(lambda once, pause: cleaner.run(once=once, sleep_time=pause), cleaner.stop),
}
ONE_ROUND = (
    *("evaluator", "injector", "repairer", "preparer"),
    *("poller", "finisher"),  # first what an earlier round has left, then what this one does
    *("submitter", "finisher", "cleaner"),
)


def run_once(names: Sequence[str], *, at_once: int) -> None:
    """One round of these daemons; returns when its relays have ended. Raises ConveyorFailed."""
    prepare_process(at_once)
    with transfertool.STATISTICS:
        for name in ONE_ROUND:
            if name in names:
                DAEMONS[name].run(True, 60)


def run_until(
    ending: threading.Event,
    names: Sequence[str],
    *,
    at_once: int,
    pause_seconds: int,
    grace_seconds: float,
) -> None:
    """These daemons, until `ending` is set; relays then have the grace to end by themselves.

    What is not done by then is put back into Rucio's queue, and leaves no temporary file. Raises ConveyorFailed.
    """
    prepare_process(at_once)
    threads = {
        name: threading.Thread(target=DAEMONS[name].run, args=(False, pause_seconds), name=name, daemon=True)
        for name in names
    }
    with transfertool.STATISTICS:
        for thread in threads.values():
            thread.start()
        broken = None
        while not broken and not ending.wait(1):
            broken = next((name for name, thread in threads.items() if not thread.is_alive()), None)
        for name in names:
            DAEMONS[name].stop()
        all_ended = RELAYS.stop(grace_seconds=grace_seconds)
        for thread in threads.values():
            thread.join(grace_seconds)
    if broken:
        raise ConveyorFailed(f"the {broken} has ended by itself; the log tells why")
    if not all_ended:
        raise ConveyorFailed("relays did not end in time; the next conveyor on this host finds them lost")


def prepare_process(at_once: int) -> None:
    """Raises ConveyorFailed."""
    setup_logging(process_name=NAME)
    if rucio.db.sqla.util.is_old_db():
        raise ConveyorFailed("the database is of another version than this Rucio: upgrade it first")
    schemes = config_get_list("conveyor", "scheme", raise_exception=False, default=[])
    if schemes and "cs3" not in schemes:
        raise ConveyorFailed(f"rucio.cfg: [conveyor] scheme is {', '.join(schemes)}: add cs3 to it")
    transfertool.register()
    RELAYS.resize(at_once)


def uses_preparer() -> bool:
    return bool(config_get_bool("conveyor", "use_preparer", raise_exception=False, default=False))


def partition_seconds(once: bool, pause_seconds: int) -> int:
    """How long to wait for other processes' heartbeats, so that the work is divided among them."""
    return 0 if once else min(10, pause_seconds)


def topology() -> ExpiringObjectCache:
    """What a daemon knows of RSEs and distances; at most five minutes old."""
    return ExpiringObjectCache(ttl=300, new_obj_fnc=Topology)
