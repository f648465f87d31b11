"""Clients that are kept between uses."""

from __future__ import annotations

from rucio_mesh.cs3.auth import Basic, Bearer, Secret
from rucio_mesh.cs3.client import Client
from rucio_mesh.cs3.pool import IDLE_CLIENTS, Pool
from rucio_mesh.cs3.settings import Settings

from ..conftest import MakeGateway
from .conftest import EINSTEIN

HERE = Settings("127.0.0.1", 9142)


def test_equal_settings_and_credentials_share_a_client() -> None:
    pool = Pool()
    one = pool.borrow(HERE, EINSTEIN)
    assert pool.borrow(Settings("127.0.0.1", 9142), Basic("einstein", Secret.of("relativity"))) is one
    pool.give_back(HERE, EINSTEIN)
    pool.give_back(HERE, EINSTEIN)
    assert pool.borrow(HERE, EINSTEIN) is one
    assert pool.borrow(HERE, Basic("marie", Secret.of("radioactivity"))) is not one
    assert pool.borrow(Settings("127.0.0.1", 9143), EINSTEIN) is not one


def test_idle_clients_go_the_oldest_first_and_those_in_use_stay(cs3_gateway: MakeGateway) -> None:
    pool, gateway = Pool(), cs3_gateway()

    def numbered(number: int) -> Settings:
        return Settings("127.0.0.1", gateway.grpc_port, call_seconds=10 + number)

    busy = pool.borrow(numbered(0), EINSTEIN)
    others: list[Client] = []
    for number in range(1, IDLE_CLIENTS + 3):
        others.append(pool.borrow(numbered(number), EINSTEIN))
        pool.give_back(numbered(number), EINSTEIN)
    assert pool.borrow(numbered(0), EINSTEIN) is busy
    assert busy.home() == "/home"
    assert pool.borrow(numbered(IDLE_CLIENTS + 2), EINSTEIN) is others[-1]
    assert pool.borrow(numbered(1), EINSTEIN) is not others[0]


def test_nothing_is_kept_of_a_token_whose_client_is_closed() -> None:
    pool = Pool()
    tokens = [Bearer(Secret.of(f"token-{number}")) for number in range(IDLE_CLIENTS + 2)]
    for token in tokens:
        pool.borrow(HERE, token)
        pool.give_back(HERE, token)
    kept = {credential for known in (pool._clients, pool._users) for _, credential in known}
    assert kept == set(tokens[2:])
