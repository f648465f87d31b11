"""Users and groups of a gateway, and app passwords."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import Any

from cs3.auth.applications.v1beta1 import applications_api_pb2 as applications
from cs3.identity.group.v1beta1 import group_api_pb2 as groups
from cs3.identity.group.v1beta1 import resources_pb2 as group_resources
from cs3.identity.user.v1beta1 import resources_pb2 as user_resources
from cs3.identity.user.v1beta1 import user_api_pb2 as users
from cs3.storage.provider.v1beta1 import resources_pb2 as spr

from .auth import Secret
from .gateway import Gateway


@dataclass(frozen=True)
class User:
    """Someone whom the gateway knows, of its own site or of another."""

    opaque_id: str
    identity_provider: str
    username: str = ""
    display_name: str = ""
    mail: str = ""
    kind: int = user_resources.USER_TYPE_PRIMARY
    """As the CS3 APIs number them: a share names its grantee with it."""

    @classmethod
    def of(cls, user: Any) -> User:
        """From a gateway's User."""
        return cls(user.id.opaque_id, user.id.idp, user.username, user.display_name, user.mail, user.id.type)

    def grantee(self) -> Any:
        """As a share names whom it is for."""
        identity = user_resources.UserId(
            opaque_id=self.opaque_id,
            idp=self.identity_provider,
            type=self.kind,
        )
        return spr.Grantee(type=spr.GRANTEE_TYPE_USER, user_id=identity)


@dataclass(frozen=True)
class Group:
    """A group that the gateway knows."""

    opaque_id: str
    identity_provider: str
    name: str = ""

    @classmethod
    def of(cls, group: Any) -> Group:
        """From a gateway's Group."""
        return cls(group.id.opaque_id, group.id.idp, group.group_name)

    def grantee(self) -> Any:
        """As a share names whom it is for."""
        identity = group_resources.GroupId(opaque_id=self.opaque_id, idp=self.identity_provider)
        return spr.Grantee(type=spr.GRANTEE_TYPE_GROUP, group_id=identity)


def grantee(message: Any) -> User | Group:
    """Whom a share is for, as far as the share says it."""
    if message.type == spr.GRANTEE_TYPE_GROUP:
        return Group(message.group_id.opaque_id, message.group_id.idp)
    identity = message.user_id
    return User(identity.opaque_id, identity.idp, kind=identity.type)


def find_user(gateway: Gateway, username: str) -> User:
    """Raises NotFound."""
    request = users.GetUserByClaimRequest(claim="username", value=username, skip_fetching_user_groups=True)
    return User.of(gateway.call("GetUserByClaim", request, about=username).user)


def find_group(gateway: Gateway, name: str) -> Group:
    """Raises NotFound."""
    request = groups.GetGroupByClaimRequest(claim="group_name", value=name, skip_fetching_members=True)
    return Group.of(gateway.call("GetGroupByClaim", request, about=name).group)


def make_app_password(gateway: Gateway, label: str, *, seconds: float | None = None) -> Secret:
    """A password for programs, good for so long; None: for ever. It may do all that its user may do."""
    request = applications.GenerateAppPasswordRequest(label=label)
    if seconds is not None:
        request.expiration.seconds = int(time.time() + seconds)
    return Secret.of(gateway.call("GenerateAppPassword", request).app_password.password)
