"""Who may sign in, and as whom: the authentication and user calls."""

from __future__ import annotations

import secrets
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import cs3.auth.applications.v1beta1.applications_api_pb2 as applications
import cs3.auth.applications.v1beta1.resources_pb2 as application_resources
import cs3.gateway.v1beta1.gateway_api_pb2 as gw
import cs3.identity.group.v1beta1.group_api_pb2 as groups
import cs3.identity.group.v1beta1.resources_pb2 as group_resources
import cs3.identity.user.v1beta1.resources_pb2 as people
import cs3.identity.user.v1beta1.user_api_pb2 as users
import cs3.rpc.v1beta1.code_pb2 as codes

from .refusal import Refused
from .tokens import Mint
from .tree import Tree

ACCESS_SECONDS = 86_400
KINDS = ("basic", "bearer", "machine", "appauth")


@dataclass(frozen=True)
class Account:
    """One person, and what proves them."""

    password: str
    mail: str = ""
    groups: tuple[str, ...] = ()
    bearer: tuple[str, ...] = ()
    """OIDC access tokens that stand for this person, beside those of `Accounts.oidc_token`."""
    linked: bool = False
    """A lightweight account that was linked to a full one, and is not to be used any more."""


EINSTEIN_AND_FRIENDS: Mapping[str, Account] = {
    "einstein": Account("relativity", "einstein@example.org", ("physics-lovers", "violin-haters")),
    "marie": Account("radioactivity", "marie@example.org", ("physics-lovers", "radium-lovers")),
    "richard": Account("superfluidity", "richard@example.org", ("physics-lovers",)),
}
"""The accounts of Reva's own examples."""


@dataclass
class AppPassword:
    """A password of one application, with what it may be used for."""

    user: str
    message: Any
    scope: frozenset[str] = field(default_factory=frozenset)


class Accounts:
    """Authentication, and what may be asked about people and groups."""

    def __init__(self, tree: Tree, people: Mapping[str, Account], idp: str, *, machine_key: str) -> None:
        self.access = Mint(ACCESS_SECONDS)
        """Makes the gateway's own tokens; `seconds` says how long they last."""
        self.oidc = Mint(3600)
        """Makes the tokens of the sign-in service that the gateway trusts."""
        self._tree, self._people, self._idp, self._machine_key = tree, people, idp, machine_key
        self._app_passwords: dict[str, AppPassword] = {}

    def oidc_token(self, user: str) -> str:
        """What the user's sign-in service would hand out: good for `Authenticate(type="bearer")`."""
        return self.oidc.issue(sub=user, iss=self._idp, preferred_username=user)

    # ---- signing in

    def authenticate(self, request: Any, _user: str) -> Any:
        user, scope = self._proven(request)
        if self._people[user].linked:
            raise Refused(codes.CODE_ABORTED, "gateway: the account is linked to another one")
        if request.type != "machine":
            self._tree.create_home(user)
        message = self.user_message(user)
        claims = {
            "id": {"idp": self._idp, "opaque_id": user, "type": 1},
            "username": user,
            "mail": message.mail,
            "display_name": message.display_name,
        }
        token = self.access.issue(
            iss=self._idp, user=claims, scope={name: {"role": 1} for name in sorted(scope)}
        )
        return gw.AuthenticateResponse(token=token, user=message)

    def _proven(self, request: Any) -> tuple[str, frozenset[str]]:
        """The user who has proven to be so, and the scopes. Raises Refused."""
        owner = frozenset({"user"})
        if request.type not in KINDS:
            raise Refused(codes.CODE_INTERNAL, "gateway: error finding an auth provider for the type")
        if request.type == "bearer":
            return self._bearer(request.client_secret), owner
        if request.type == "machine":
            user = self._claimed(request.client_id)
            if user and secrets.compare_digest(request.client_secret.encode(), self._machine_key.encode()):
                return user, owner
            raise Refused(codes.CODE_PERMISSION_DENIED, "gateway: wrong api key")
        found = self._app_passwords.get(request.client_secret)
        if found and found.user == request.client_id:
            return found.user, found.scope
        account = self._people.get(request.client_id)
        if request.type == "appauth" or account is None or account.password != request.client_secret:
            raise Refused(codes.CODE_PERMISSION_DENIED, "gateway: wrong password")
        return str(request.client_id), owner

    def _bearer(self, token: str) -> str:
        fixed = next((name for name, account in self._people.items() if token in account.bearer), None)
        claims = None if fixed else self.oidc.read(token)
        user = fixed or (claims and claims["preferred_username"])
        if user not in self._people:
            raise Refused(codes.CODE_UNAUTHENTICATED, "gateway: error validating the oidc token")
        return str(user)

    def _claimed(self, client_id: str) -> str | None:
        """The user behind `einstein`, `username:einstein`, `userid:einstein` or `mail:einstein@example.org`."""
        claim, _, value = client_id.rpartition(":")
        if claim == "mail":
            return next((name for name, account in self._people.items() if account.mail == value), None)
        return value if value in self._people and claim in ("", "username", "userid") else None

    def who_am_i(self, request: Any, _user: str) -> Any:
        claims = self.access.read(request.token)
        if claims is None:
            raise Refused(codes.CODE_UNAUTHENTICATED, "gateway: error getting user from token")
        return gw.WhoAmIResponse(user=self.user_message(claims["user"]["username"]))

    def list_auth_providers(self, _request: Any, _user: str) -> Any:
        return gw.ListAuthProvidersResponse(types=KINDS)

    def generate_app_password(self, request: Any, user: str) -> Any:
        password = secrets.token_urlsafe(12)
        message = application_resources.AppPassword(
            password=password,
            label=request.label,
            token_scope=request.token_scope,
            expiration=request.expiration,
        )
        self._app_passwords[password] = AppPassword(
            user, message, frozenset(request.token_scope) or frozenset({"user"})
        )
        return applications.GenerateAppPasswordResponse(app_password=message)

    def list_app_passwords(self, _request: Any, user: str) -> Any:
        mine = [each.message for each in self._app_passwords.values() if each.user == user]
        return applications.ListAppPasswordsResponse(app_passwords=mine)

    def invalidate_app_password(self, request: Any, user: str) -> Any:
        found = self._app_passwords.get(request.password)
        if not found or found.user != user:
            raise Refused(codes.CODE_NOT_FOUND, "app password not found")
        del self._app_passwords[request.password]
        return applications.InvalidateAppPasswordResponse()

    # ---- people

    def knows(self, user: str) -> bool:
        return user in self._people

    def members(self, group: str) -> list[str]:
        return [name for name, account in self._people.items() if group in account.groups]

    def user_message(self, user: str) -> Any:
        """The `User` of a name. Raises Refused."""
        account = self._people.get(user)
        if account is None:
            raise Refused(codes.CODE_NOT_FOUND, f"error: not found: user {user}")
        return people.User(
            id=self.user_id(user),
            username=user,
            mail=account.mail,
            display_name=user.title(),
            groups=account.groups,
        )

    def user_id(self, user: str) -> Any:
        return people.UserId(idp=self._idp, opaque_id=user, type=people.USER_TYPE_PRIMARY)

    def get_user(self, request: Any, _user: str) -> Any:
        return users.GetUserResponse(user=self.user_message(request.user_id.opaque_id))

    def get_user_by_claim(self, request: Any, _user: str) -> Any:
        found = self._claimed(f"{request.claim}:{request.value}")
        return users.GetUserByClaimResponse(user=self.user_message(found or request.value))

    def get_user_groups(self, request: Any, _user: str) -> Any:
        return users.GetUserGroupsResponse(groups=self.user_message(request.user_id.opaque_id).groups)

    def find_users(self, request: Any, _user: str) -> Any:
        sought = request.filters[0].query if request.filters else ""
        found = [name for name, account in self._people.items() if sought in name or sought in account.mail]
        return users.FindUsersResponse(users=[self.user_message(name) for name in found])

    def get_group_by_claim(self, request: Any, _user: str) -> Any:
        if not self.members(request.value):
            raise Refused(codes.CODE_NOT_FOUND, "error: not found: group")
        return groups.GetGroupByClaimResponse(group=self._group(request.value))

    def find_groups(self, request: Any, _user: str) -> Any:
        names = {group for account in self._people.values() for group in account.groups}
        sought = request.filters[0].query if request.filters else ""
        return groups.FindGroupsResponse(
            groups=[self._group(name) for name in sorted(names) if sought in name]
        )

    def _group(self, name: str) -> Any:
        identity = group_resources.GroupId(idp=self._idp, opaque_id=name)
        return group_resources.Group(id=identity, group_name=name, display_name=name)
