"""Clients that are kept between uses: Rucio makes a protocol for each file, and a sign-in takes longer than a file."""

from __future__ import annotations

import os
import threading

from .auth import Credential
from .client import Client
from .settings import Settings

IDLE_CLIENTS = 8

Key = tuple[Settings, Credential]


class Pool:
    """At most one client per gateway and credential; those not in use are closed, the oldest first."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._process = os.getpid()
        self._clients: dict[Key, Client] = {}
        self._users: dict[Key, int] = {}
        """Of those in use. Nothing is kept of a client that is closed: a key may hold a token."""

    def borrow(self, settings: Settings, credential: Credential) -> Client:
        """A client that others may use at the same time; to be given back."""
        key = settings, credential
        with self._lock:
            if self._process != os.getpid():  # the connections are our parent's
                self._process, self._clients, self._users = os.getpid(), {}, {}
            client = self._clients.pop(key, None) or Client(settings, credential)
            self._clients[key] = client  # the youngest is the last
            self._users[key] = self._users.get(key, 0) + 1
            return client

    def give_back(self, settings: Settings, credential: Credential) -> None:
        """One user of the client less; idle clients beyond the bound are closed."""
        key = settings, credential
        with self._lock:
            if (users := self._users.pop(key, 1) - 1) > 0:
                self._users[key] = users
            idle = [each for each in self._clients if each not in self._users]
            surplus = [self._clients.pop(each) for each in idle[:-IDLE_CLIENTS]]
        for client in surplus:
            client.close()


CLIENTS = Pool()
"""Of this process."""
