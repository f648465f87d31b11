"""`jupyter rucio signin | signout`. A password is asked for, and never an argument."""

from __future__ import annotations

import getpass
import sys
import time
from argparse import Namespace
from collections.abc import Mapping, Sequence
from typing import Any

from ..accounts.model import NAMED, AuthType, InstanceInfo
from ..engine import protocol
from ..errors import BadRequest, Failure
from ..kernel import words
from .engine import Engine
from .output import Exit, Output


def sign_in(arguments: Namespace, engine: Engine, output: Output) -> Exit:
    """Sign in at one instance: as the last time, where nothing is named, else in the way that fits what is."""
    info = engine.instance(arguments.instance)
    if not (arguments.type or info.auth_types):
        raise BadRequest(info.problem or f"{info.display_name} offers no way of signing in.")
    named = {field: getattr(arguments, field) for field in NAMED}
    auth_type = arguments.type or _way(info, named)
    last = info.account.login
    again = last is not None and last.auth_type == auth_type and not any(named.values())
    if again:
        named = {field: getattr(last, field) for field in NAMED}
    if auth_type == "userpass":
        named |= _user_and_password(arguments, info, named["username"])
    account = arguments.account or (again and info.account.account) or info.default_account
    request = protocol.SignIn(instance=info.name, auth_type=auth_type, account=account, **named)
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
    by_certificate = account.login is not None and account.login.auth_type in ("x509", "x509_proxy")
    if account.renewable and not by_certificate:  # whose end is the one that is told
        text += ", renewed by itself"
    return text


def _way(info: InstanceInfo, named: Mapping[str, str | None]) -> AuthType:
    """The way of signing in that fits what is named; where several do, the last one, else the preferred one."""
    fitting: Sequence[AuthType] = info.auth_types
    if named["username"]:
        fitting = ["userpass"]
    elif named["token_file"] or named["token_variable"]:
        fitting = ["token"]
    elif named["key"]:
        fitting = ["x509"]
    elif named["certificate"]:
        fitting = ["x509", "x509_proxy"]
    last = info.account.login
    ways = [last.auth_type, *info.auth_types] if last else info.auth_types
    return next((way for way in ways if way in fitting), fitting[0])


def _user_and_password(arguments: Namespace, info: InstanceInfo, known: str | None) -> dict[str, Any]:
    """Asked for on a terminal; else the password is the first line of standard input."""
    username = known or info.default_username
    if not sys.stdin.isatty():
        if not username:
            raise BadRequest("Name the user with --username.")
        line = sys.stdin.readline()
        if not line:
            raise BadRequest("The password is read from standard input, and nothing came.")
        return {"username": username, "password": line.rstrip("\n")}
    default = username or _own_name()
    if arguments.username is None:
        offered = f" [{default}]" if default else ""
        sys.stderr.write(f"User name at {info.display_name}{offered}: ")
        sys.stderr.flush()
        typed = sys.stdin.readline()
        if not typed:
            raise EOFError
        default = typed.strip() or default
    if not default:
        raise BadRequest("Name the user with --username.")
    return {"username": default, "password": _asked(f"Password of {default}: ")}


def _asked(prompt: str) -> str:
    """What is typed unseen; the line ends also where that breaks off."""
    try:
        return getpass.getpass(prompt)
    except (KeyboardInterrupt, EOFError):
        sys.stderr.write("\n")
        raise


def _own_name() -> str | None:
    """The user's name on this machine; a container may run under a number that has none."""
    try:
        return getpass.getuser()
    except (KeyError, OSError):  # the second from Python 3.13 on
        return None
