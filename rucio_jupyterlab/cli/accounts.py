"""`jupyter rucio signin | signout`. A password is asked for, and never an argument."""

from __future__ import annotations

import getpass
import sys
import time
from argparse import Namespace
from typing import Any

from ..accounts.model import AuthType, InstanceInfo, Login
from ..engine import protocol
from ..errors import BadRequest, Failure
from ..kernel import words
from .engine import Engine
from .output import Exit, Output


def sign_in(arguments: Namespace, engine: Engine, output: Output) -> Exit:
    """Sign in at one instance, in the way that it prefers unless another is named."""
    info = engine.instance(arguments.instance)
    if not (arguments.type or info.auth_types):
        raise BadRequest(info.problem or f"{info.display_name} offers no way of signing in.")
    last = info.account.login
    auth_type: AuthType = arguments.type or (last.auth_type if last else info.auth_types[0])
    request = protocol.SignIn(
        instance=info.name,
        auth_type=auth_type,
        account=arguments.account or info.default_account,
        **_places(arguments, last if last and last.auth_type == auth_type else None),
        **(_user_and_password(arguments, info) if auth_type == "userpass" else {}),
    )
    try:
        signed_in: InstanceInfo = engine.ask(request)
    except Failure as refusal:
        if not refusal.choices:
            raise
        sentence = f"{refusal} Name it with --account."
        raise BadRequest(sentence, do=refusal.remedy, choices=refusal.choices) from None
    output.struct(signed_in)
    output.say(f"{signed_in.display_name}: {standing(signed_in)}")
    return Exit.OK


def sign_out(arguments: Namespace, engine: Engine, output: Output) -> Exit:
    """Forget the token and the password of one instance."""
    info: InstanceInfo = engine.ask(protocol.SignOut(engine.instance(arguments.instance).name))
    output.struct(info)
    output.say(f"{info.display_name}: {standing(info)}")
    return Exit.OK


def standing(info: InstanceInfo) -> str:
    """How the user stands with an instance: `signed in as alice, 1 h 40 min left`."""
    account = info.account
    if account.state in ("signed-out", "lapsed"):
        return "signed out" if account.state == "signed-out" else "the sign-in has lapsed"
    text = f"signed in as {account.account}" if account.account else "signed in"
    if account.expires_at is not None:
        text += f", {words.duration(account.expires_at - time.time())} left"
    return text + (", renewed by itself" if account.renewable else "")


def _places(arguments: Namespace, last: Login | None) -> dict[str, str | None]:
    """Where certificate or token lie: as they are named now, else as they were the last time."""
    names = ("certificate", "key", "token_file", "token_variable")
    given = {name: getattr(arguments, name) for name in names}
    return {name: getattr(last, name) for name in names} if last and not any(given.values()) else given


def _user_and_password(arguments: Namespace, info: InstanceInfo) -> dict[str, Any]:
    """Asked for on a terminal; else the password is the first line of standard input."""
    last = info.account.login
    username = arguments.username or (last and last.username) or info.default_username
    if not sys.stdin.isatty():
        if not username:
            raise BadRequest("Name the user with --username.")
        return {"username": username, "password": sys.stdin.readline().rstrip("\n")}
    default = username or getpass.getuser()
    if arguments.username is None:
        sys.stderr.write(f"User name at {info.display_name} [{default}]: ")
        sys.stderr.flush()
        default = sys.stdin.readline().strip() or default
    return {"username": default, "password": getpass.getpass(f"Password of {default}: ")}
