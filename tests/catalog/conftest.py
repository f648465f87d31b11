"""A catalogue at the real Rucio, signed in as alice."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from rucio_jupyterlab.accounts.accounts import Accounts
from rucio_jupyterlab.catalog.catalog import Catalog
from rucio_jupyterlab.config import configuration_from
from rucio_jupyterlab.engine.protocol import SignIn
from tests.lab.lab import Lab


@pytest.fixture
def accounts(lab: Lab, tmp_path: Path) -> Iterator[Accounts]:
    signed_in = Accounts(
        configuration_from({"instances": [lab.configuration()]}, {}), tmp_path, lambda name: None
    )
    signed_in.sign_in(SignIn("lab", "userpass", "alice", "alice", lab.password))
    yield signed_in
    signed_in.close()


@pytest.fixture
def catalog(accounts: Accounts, tmp_path: Path) -> Iterator[Catalog]:
    asked = Catalog(accounts, tmp_path / "spool")
    yield asked
    asked.close()
