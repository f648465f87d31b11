"""The instances, and who the user is at each: the face of this room for the engine."""

from __future__ import annotations

import logging
import os
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec
from msgspec.structs import replace

from ..config import Configuration, Instance
from ..config.added import added_instance, read_added, write_added
from ..config.reading import from_home
from ..config.remote import RemoteConfigurations
from ..engine.protocol import AddInstance, SignIn
from ..errors import BadConfiguration, BadRequest, Conflict, NoSpace, NotFound, SignInNeeded
from .clouds import CloudSignIn, sign_in_at
from .credentials import Credential, Credentials, HandedOut
from .files import read_private, write_private
from .issued import discard_lapsed
from .login import brought_up_to_date, completed, default_login, is_web_token
from .model import (
    NAMED,
    AccountChoices,
    AccountStatus,
    AuthType,
    InstanceInfo,
    Instances,
    Login,
    Reachability,
)
from .session import AccountSession

if TYPE_CHECKING:
    from .client import RucioClient

__all__ = ["Accounts", "Credential", "HandedOut"]

logger = logging.getLogger(__name__)

_WAYS: tuple[AuthType, ...] = ("userpass", "token", "x509", "x509_proxy")


class Accounts:
    """Blocking and thread-safe. `on_change` is told an instance's name, from any thread."""

    def __init__(self, configuration: Configuration, state: Path, on_change: Callable[[str], None]) -> None:
        state.mkdir(mode=0o700, parents=True, exist_ok=True)
        self._state = state
        self._on_change = on_change
        self._lock = threading.RLock()
        self._sessions: dict[str, AccountSession] = {}
        self._logins = read_private(state / "accounts.json", dict[str, Login | None]) or {}
        self._remote = RemoteConfigurations(state / "remote", self._resolved)
        self._credentials = Credentials()
        self._timer: threading.Timer | None = None
        self._closed = False
        self._told: dict[str, AccountStatus] = {}
        """How the user stood when a change was last told."""
        discard_lapsed(state / "tokens")
        self.configure(configuration)

    def configure(self, configuration: Configuration) -> None:
        """Take another configuration; who is signed in at an unchanged server stays so."""
        with self._lock:
            self._configuration = configuration
            configured = {instance.name: instance for instance in configuration.instances}
            added = {one.name: one for one in read_added(self._state) if one.name not in configured}
            instances = {name: self._remote.resolve(one) for name, one in (configured | added).items()}
            self._remote.keep(instances)
            for name in self._sessions.keys() - instances.keys():
                self._sessions[name].retire()
            self._sessions = {name: self._session(instance) for name, instance in instances.items()}
            self._told = {name: session.status() for name, session in self._sessions.items()}
            self._wake_at_next_change()

    def close(self) -> None:
        """Tell of no change any more."""
        with self._lock:
            self._closed = True
            if self._timer is not None:
                self._timer.cancel()
        self._remote.close()

    # Instances

    def instances(self) -> Instances:
        """All instances and how the user stands with each; asks no Rucio."""
        with self._lock:
            sessions, configuration = list(self._sessions.values()), self._configuration
        names = [session.instance.name for session in sessions]
        default = configuration.default_instance or (names[0] if names else None)
        return Instances(
            instances=[self._info(session) for session in sessions],
            default=default,
            problem=configuration.problem,
        )

    def info(self, name: str) -> InstanceInfo:
        """One instance, and how the user stands with it. Raises NotFound."""
        return self._info(self._find(name))

    def instance(self, name: str) -> Instance:
        """The configuration of one instance. Raises NotFound."""
        return self._find(name).instance

    def add_instance(self, request: AddInstance) -> InstanceInfo:
        """Add an instance of the user's own.

        Raises BadRequest, BadConfiguration, Conflict, NoSpace, RucioUnreachable, RucioRefused.
        """
        instance = added_instance(request.url, request.name, request.ca_cert, request.auth_url, request.vo)
        if instance.problem:
            raise BadRequest(instance.problem)
        with self._lock:
            taken = instance.name in self._sessions
        if taken:
            raise Conflict(f"There is an instance of the name “{instance.name}” already.", do="choose")
        session = self._session(instance)
        session.knock()
        with self._lock:
            self._write_added([*read_added(self._state), instance])
            self._sessions[instance.name] = session
        self._on_change(instance.name)
        return self._info(session)

    def remove_instance(self, name: str) -> None:
        """Forget an instance that the user added, and the sign-in there. Raises NotFound, Conflict, NoSpace."""
        session = self._find(name)
        if session.instance.source != "user":
            raise Conflict(
                f"“{name}” was configured by the site ({session.instance.source_detail}).", do="none"
            )
        session.sign_out()
        with self._lock:
            self._write_added([one for one in read_added(self._state) if one.name != name])
            del self._sessions[name]
            self._logins.pop(name, None)
            self._keep_logins()
        self._on_change(name)

    def examine(self, name: str) -> Reachability:
        """How an instance answers. Raises NotFound, BadConfiguration, RucioUnreachable, RucioRefused."""
        self._remote.ask_again(name)
        return self._usable(name).knock()

    # Accounts

    def sign_in(self, request: SignIn) -> InstanceInfo:
        """Sign in; what was in force stays so until that has worked."""
        session = self._usable(request.instance)
        login = completed(_typed(request, session), session.instance, os.environ)
        session.sign_in(login, request.password if request.auth_type == "userpass" else None)
        return self._info(session)

    def sign_out(self, name: str) -> InstanceInfo:
        """Forget token and password. Raises NotFound."""
        self._find(name).sign_out()
        return self.info(name)

    def choices(self, name: str) -> AccountChoices:
        """The accounts that the signed-in identity may act as."""
        accounts, current = self._usable(name).accounts()
        return AccountChoices(accounts, current)

    def switch(self, name: str, account: str) -> InstanceInfo:
        """Act as another account of the same identity."""
        session = self._usable(name)
        session.switch(account)
        return self._info(session)

    def is_signed_in(self, name: str) -> bool:
        """Whether a question would be asked in somebody's name, as far as is known; asks no Rucio."""
        with self._lock:
            session = self._sessions.get(name)
        return session is not None and session.status().state in ("signed-in", "lapsing")

    def mounts(self, name: str) -> tuple[str, ...]:
        """Folders below which `file:` addresses of an instance may be read."""
        own = self._find(name).instance.rse_mount_path
        return (*self._configuration.options.mounts, *([own] if own else []))

    def has_oidc(self, name: str) -> bool:
        """Whether the user is signed in with a token that storages may understand too."""
        return self._find(name).oidc

    def client(self, name: str) -> RucioClient:
        """A client for the account in force. Raises NotFound, BadConfiguration, SignInNeeded, RucioUnreachable."""
        return self._usable(name).client()

    def credential(
        self,
        name: str,
        rse_hosts: tuple[str, ...],
        url: str,
        takes_tokens: bool = False,
        redirected_from: str | None = None,
        permit: HandedOut | None = None,
    ) -> Credential:
        """What a request for `url` may carry, by the table of `destinations`; ask anew for each redirect.

        `rse_hosts` and `takes_tokens` are those of the Pfn; `permit` is what a gateway gave. Never waits for a
        network. Raises SourceFailure for an address that must not be fetched, SignInNeeded, and
        RucioUnreachable during a renewal.
        """
        session = self._usable(name)
        return self._credentials.get(session, rse_hosts, url, takes_tokens, redirected_from, permit)

    def cloud_sign_in(self, name: str, host: str, port: int, *, takes_rucio_tokens: bool) -> CloudSignIn:
        """What may be shown to a CS3 gateway, by the second table of `destinations`. Raises NotFound."""
        session = self._find(name)
        return sign_in_at(
            session.instance,
            host,
            port,
            os.environ,
            takes_rucio_tokens=takes_rucio_tokens,
            has_oidc=lambda: session.oidc,
        )

    def oidc_token(self, name: str) -> str:
        """The user's OIDC token at one instance. Raises NotFound, SignInNeeded, RucioUnreachable."""
        session = self._usable(name)
        token = session.token()
        if not is_web_token(token):
            raise SignInNeeded(
                f"Your token at {session.instance.display_name} is for that Rucio alone. Sign in with an OIDC token."
            )
        return token

    # Within

    def _find(self, name: str) -> AccountSession:
        with self._lock:
            session = self._sessions.get(name)
            known = ", ".join(self._sessions) or "none"
        if session is None:
            raise NotFound(f"No Rucio is configured as “{name}”; there is {known}.", do="choose")
        return session

    def _usable(self, name: str) -> AccountSession:
        session = self._find(name)
        if session.instance.problem:
            raise BadConfiguration(
                f"{session.instance.display_name} cannot be used. {session.instance.problem}"
            )
        return session

    def _session(self, instance: Instance) -> AccountSession:
        """The session of an instance: the one in force where its server is the same, else a new one."""
        old = self._sessions.get(instance.name)
        if old is not None and old.instance == instance:
            return old
        login = self._logins.get(instance.name)
        if login is not None:
            login = brought_up_to_date(login, instance, os.environ)
        elif instance.name not in self._logins and not instance.problem:
            login = default_login(instance, self._configuration.default_auth_type, os.environ)
        options, tokens = self._configuration.options, self._state / "tokens"
        session = AccountSession(instance, options, tokens, login, self._changed)
        if old is not None and old.is_same_server(instance):
            goes_on = instance.name in self._logins or login is None or _same_way(login, old.login)
            session.take_over(old, as_it_stood=goes_on)
        elif old is not None:
            old.retire()
        return session

    def _resolved(self, name: str) -> None:
        """A remote configuration has come."""
        with self._lock:
            instance = self._remote.known(name)
            if instance is None:
                return
            session = self._sessions[name] = self._session(instance)
            self._told[name] = session.status()
            self._wake_at_next_change()
        self._on_change(name)

    def _write_added(self, instances: list[Instance]) -> None:
        try:
            write_added(self._state, instances)
        except OSError as error:
            raise NoSpace(
                f"The list of your instances cannot be written to {self._state}: {error.strerror}."
            ) from None

    def _changed(self, session: AccountSession) -> None:
        instance = session.instance
        with self._lock:
            if self._sessions.get(instance.name) is not session:
                return  # a client that is still in use holds it; it is in force no longer
            login = session.login
            if not (self._goes_without_saying(instance, login) or self._is_kept(instance.name, login)):
                self._logins[instance.name] = login
                self._keep_logins()
            self._told[instance.name] = session.status()
            self._wake_at_next_change()
        self._on_change(instance.name)

    def _goes_without_saying(self, instance: Instance, login: Login | None) -> bool:
        """Whether a login is what the configuration gives anyway, so that it need not be kept."""
        if login is None or instance.name in self._logins:
            return False
        default = default_login(instance, self._configuration.default_auth_type, os.environ)
        return default is not None and _same_way(default, login)

    def _is_kept(self, name: str, login: Login | None) -> bool:
        """Whether the next engine will find it so; None says that the user has signed out."""
        return name in self._logins and self._logins[name] == login

    def _keep_logins(self) -> None:
        """For the next engine; this one does without the file."""
        try:
            write_private(self._state / "accounts.json", msgspec.json.encode(self._logins))
        except OSError as error:
            logger.warning("Who is signed in where could not be kept: %s.", error.strerror)

    def _wake_at_next_change(self) -> None:
        """Set a timer for the next moment at which a status may change by itself."""
        if self._timer is not None:
            self._timer.cancel()
        moments = [session.next_change() for session in self._sessions.values()]
        coming = [moment for moment in moments if moment is not None]
        if self._closed or not coming:
            return
        delay = min(max(0.0, min(coming) - time.time()) + 0.5, threading.TIMEOUT_MAX)
        self._timer = threading.Timer(delay, self._woken)
        self._timer.daemon = True
        self._timer.start()

    def _woken(self) -> None:
        with self._lock:
            if self._closed:
                return
            now = {name: session.status() for name, session in self._sessions.items()}
            changed = [name for name, status in now.items() if status != self._told.get(name)]
            self._told = now
            self._wake_at_next_change()
        for name in changed:
            self._on_change(name)

    def _info(self, session: AccountSession) -> InstanceInfo:
        instance = session.instance
        return InstanceInfo(
            name=instance.name,
            display_name=instance.display_name,
            url=instance.base_url,
            auth_types=self._ways(instance),
            account=session.status(),
            source=instance.source,
            source_detail=instance.source_detail,
            mode=instance.mode,
            destination_rse=instance.destination_rse,
            wildcards=instance.wildcard_enabled,
            default_account=instance.default_account,
            default_username=instance.default_username,
            webui_url=instance.rucio_webui_url,
            problem=instance.problem,
        )

    def _ways(self, instance: Instance) -> list[AuthType]:
        """Ways to sign in, the preferred one first; a token only where somebody told where it lies."""
        preferred = instance.default_auth_type or self._configuration.default_auth_type
        if preferred is None and instance.oidc_auth:
            preferred = "token"
        own = instance.source in ("user", "rucio.cfg")
        ways = [way for way in _WAYS if way != "token" or instance.oidc_auth or own]
        return sorted(ways, key=lambda way: way != preferred)


def _same_way(default: Login, login: Login | None) -> bool:
    """Whether a login is what the configuration gives; an account may have come by itself."""
    return login is not None and replace(default, account=login.account) == login


def _typed(request: SignIn, session: AccountSession) -> Login:
    """What a request names."""
    named = [field for field in NAMED if getattr(request, field)]
    if _chooses_account(request, session):
        named.append("account")
    return Login(
        auth_type=request.auth_type,
        account=request.account or None,
        username=request.username or None,
        certificate=from_home(request.certificate or "") or None,
        key=from_home(request.key or "") or None,
        token_file=from_home(request.token_file or "") or None,
        token_variable=request.token_variable or None,
        named=named,
    )


def _chooses_account(request: SignIn, session: AccountSession) -> bool:
    """Whether the account is the user's own choice: a form sends the one in force too, however that came."""
    in_force = session.status()
    if in_force.login is not None and request.account == in_force.account:
        return "account" in in_force.login.named
    return bool(request.account) and request.account != session.instance.default_account
