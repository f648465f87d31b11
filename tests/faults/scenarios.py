"""What happens in a kill test, all of it drawn from one number."""

from __future__ import annotations

import os
import random
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

Front = Literal["shell", "panel"]
"""Who looks on: a program with a link of its own, or a Jupyter server with the extension."""
Victim = Literal["engine", "server", "both"]
Damage = Literal["none", "all gone", "log gone", "main file gone", "cut short", "garbled"]
"""What befalls the journal between the kill and the next start."""

MOST_KILLS: dict[Front, int] = {"shell": 4, "panel": 2}
"""In one scenario; a Jupyter server takes its time to start."""
FIRST_SEED = 1_000
DAMAGES: tuple[Damage, ...] = ("all gone", "log gone", "main file gone", "cut short", "garbled")


@dataclass(frozen=True)
class Kill:
    """One kill -9, and when it strikes, counted from the start of the engine's present life."""

    victim: Victim
    damage: Damage
    bytes_part: float | None
    """After this part of the bytes that are still missing; None: by the clock."""
    seconds: float
    """By the clock, after so much time; at the latest after that where bytes decide."""


@dataclass(frozen=True)
class Scenario:
    """One job and the kills that it has to survive."""

    seed: int
    front: Front
    connections: int
    kills: tuple[Kill, ...]

    def __str__(self) -> str:
        return f"seed{self.seed}"


def scenario(seed: int) -> Scenario:
    """The same one for the same seed, whatever the machine."""
    draw = random.Random(seed)
    front: Front = "panel" if draw.random() < 0.4 else "shell"
    kills = tuple(_kill(draw, front) for _ in range(draw.randint(1, MOST_KILLS[front])))
    return Scenario(seed, front, draw.randint(1, 4), kills)


def scenarios(kills: int, first_seed: int) -> Iterator[Scenario]:
    """As many as it takes for so many kills."""
    seed = first_seed
    while kills > 0:
        drawn = scenario(seed)
        yield drawn
        kills -= len(drawn.kills)
        seed += 1


def asked_for(kills: int) -> list[Scenario]:
    """`kills` kills, unless `RUCIO_FAULT_KILLS` and `RUCIO_FAULT_SEED` say otherwise."""
    kills = int(os.environ.get("RUCIO_FAULT_KILLS") or kills)
    return list(scenarios(kills, int(os.environ.get("RUCIO_FAULT_SEED") or FIRST_SEED)))


def _kill(draw: random.Random, front: Front) -> Kill:
    victim: Victim = draw.choice(("engine", "server", "both")) if front == "panel" else "engine"
    spared = victim == "server" or draw.random() < 0.5
    damage: Damage = "none" if spared else draw.choice(DAMAGES)
    part = draw.random() if draw.random() < 0.6 else None
    return Kill(victim, damage, part, 2.0 if part is not None else draw.uniform(0.0, 1.5))
