"""Toy collisions with two muons: Z bosons at 91.2 GeV over a falling continuum, as ROOT files."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import uproot

Array = npt.NDArray[np.float64]

Z_MASS, Z_WIDTH = 91.1876, 2.4952
"""GeV."""
CONTINUUM = 0.12
"""Share of the events that are not of a Z."""


def write_events(path: Path, *, events: int, run: int, seed: int) -> None:
    """Write a ROOT file with the tree `Events`; the same seed gives the same events, not the same bytes."""
    random = np.random.default_rng(seed)
    plus, minus = decay(random, pair_masses(random, events))
    columns: dict[str, npt.NDArray[Any]] = {
        f"Muon_{name}": np.stack([one, other], axis=1).astype(np.float32)
        for name, one, other in zip(("pt", "eta", "phi"), plus, minus, strict=True)
    }
    columns["Muon_charge"] = np.tile(np.array([1, -1], np.int8), (events, 1))
    columns["event"] = np.arange(events, dtype=np.int64)
    columns["run"] = np.full(events, run, np.int32)
    types = {name: np.dtype((column.dtype, column.shape[1:])) for name, column in columns.items()}
    with uproot.recreate(path, compression=None) as file:
        file.mktree("Events", types)
        file["Events"].extend(columns)


def pair_masses(random: np.random.Generator, events: int) -> Array:
    """Masses in GeV: a Breit-Wigner at the Z, blurred as by a detector, and a falling continuum."""
    peak = Z_MASS + Z_WIDTH / 2 * random.standard_cauchy(events) + random.normal(0, 1.2, events)
    continuum = 40 + random.exponential(45, events)
    return np.clip(np.where(random.random(events) < CONTINUUM, continuum, peak), 20, 300)


def decay(random: np.random.Generator, mass: Array) -> tuple[tuple[Array, ...], tuple[Array, ...]]:
    """pt, eta and phi of the two muons, which fly apart isotropically where their pair is at rest."""
    n = len(mass)
    pt, rapidity, phi = random.exponential(14, n), random.normal(0, 1.3, n), random.uniform(-np.pi, np.pi, n)
    transverse_mass = np.hypot(mass, pt)
    energy = transverse_mass * np.cosh(rapidity)
    pair = np.stack([pt * np.cos(phi), pt * np.sin(phi), transverse_mass * np.sinh(rapidity)])

    cosine, angle = random.uniform(-1, 1, n), random.uniform(-np.pi, np.pi, n)
    sine = np.sqrt(1 - cosine**2)
    at_rest = (
        mass / 2 * np.stack([sine * np.cos(angle), sine * np.sin(angle), cosine])
    )  # a muon weighs nothing
    along = np.sum(pair * at_rest, axis=0)
    shift = pair / mass * (along / (energy + mass))
    half = pair / 2
    return polar(at_rest + shift + half), polar(-at_rest - shift + half)


def polar(momentum: Array) -> tuple[Array, ...]:
    """pt, eta and phi of momenta with rows x, y and z."""
    x, y, z = momentum
    pt = np.hypot(x, y)
    return pt, np.arcsinh(z / pt), np.arctan2(y, x)
