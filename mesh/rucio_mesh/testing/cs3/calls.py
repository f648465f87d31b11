"""The gRPC side: every call of `GatewayAPI` that one of the services has a method for.

A method is named as the call in snake case, takes the request and the user's name, and returns the reply, whose
status becomes OK; or raises Refused. The user is "" in the few calls that need no token.
"""

from __future__ import annotations

import re
import threading
from collections import Counter
from collections.abc import Callable, Iterable
from typing import Any

import cs3.gateway.v1beta1.gateway_api_pb2 as gw
import cs3.rpc.v1beta1.code_pb2 as codes
import cs3.rpc.v1beta1.status_pb2 as status
import grpc
from google.protobuf import message_factory

from .faults import Faults
from .refusal import Refused
from .tokens import Mint

SERVICE = gw.DESCRIPTOR.services_by_name["GatewayAPI"]
OPEN = frozenset(
    {"Authenticate", "ListAuthProviders", "GetUser", "GetUserByClaim", "GetUserGroups", "GetOCMShareByToken"}
)
"""Calls that need no token."""
ANY_SCOPE = frozenset({"WhoAmI"})
"""Calls that a token of any scope may make."""
CHANGES = frozenset(
    {
        *("CreateContainer", "TouchFile", "Delete", "Move", "SetArbitraryMetadata", "UnsetArbitraryMetadata"),
        *("SetLock", "RefreshLock", "Unlock", "PurgeRecycle"),
    }
)
"""Calls whose answer may be lost when their work is done."""
INNER_LIMIT_BYTES = 10_240_000
"""A reply from a storage to its gateway may not be longer."""
WORD_BORDER = re.compile(r"(?<=[a-z])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])")

Method = Callable[[Any, str], Any]


class Calls:
    """Finds the method of a call, checks the token, and speaks for those who refuse."""

    def __init__(self, services: Iterable[object], access: Mint, faults: Faults) -> None:
        self.counts: Counter[str] = Counter()
        """How often each call was made, by its name."""
        self._access, self._faults = access, faults
        self._counting = threading.Lock()
        services = tuple(services)
        self.handlers = grpc.method_handlers_generic_handler(
            SERVICE.full_name,
            {
                call.name: self._handler(call, method)
                for call in SERVICE.methods
                if (method := _method(services, call.name))
            }
            | {call.name: self._stream(call) for call in SERVICE.methods if call.server_streaming},
        )

    def _handler(self, call: Any, method: Method) -> Any:
        request = message_factory.GetMessageClass(call.input_type)
        reply = message_factory.GetMessageClass(call.output_type)

        def answer(request: Any, context: Any) -> Any:
            with self._counting:
                self.counts[call.name] += 1
            if self._faults.strike("rpc_unavailable") is not None:
                context.abort(grpc.StatusCode.UNAVAILABLE, "the gateway is being restarted")
            user = self._user(call.name, context)
            code = self._faults.strike("rpc_status")
            if code is not None:
                return reply(status=status.Status(code=code, message="a fault says so"))
            try:
                answer = method(request, user)
                if answer.ByteSize() > INNER_LIMIT_BYTES:
                    raise Refused(codes.CODE_INTERNAL, "gateway: grpc: received message larger than max")
            except Refused as no:
                return reply(status=status.Status(code=no.code, message=no.text))
            if call.name in CHANGES and self._faults.strike("rpc_answer_lost") is not None:
                context.abort(grpc.StatusCode.UNAVAILABLE, "the connection broke")
            answer.status.code = codes.CODE_OK
            return answer

        return grpc.unary_unary_rpc_method_handler(
            answer, request_deserializer=request.FromString, response_serializer=reply.SerializeToString
        )

    def _stream(self, call: Any) -> Any:
        """Reva has no stream yet, and says so by an error that gRPC has no code for."""
        request = message_factory.GetMessageClass(call.input_type)

        def answer(_request: Any, context: Any) -> None:
            self._user(call.name, context)
            context.abort(grpc.StatusCode.UNKNOWN, "error: not supported: Unimplemented")

        return grpc.unary_stream_rpc_method_handler(answer, request_deserializer=request.FromString)

    def _user(self, name: str, context: Any) -> str:
        """The user whose token it is. Without a good one the call ends here."""
        if name in OPEN:
            return ""
        token: str = dict(context.invocation_metadata()).get("x-access-token", "")
        if not token:
            context.abort(grpc.StatusCode.UNAUTHENTICATED, "auth: core access token not found")
        claims = self._access.read(token) or context.abort(
            grpc.StatusCode.PERMISSION_DENIED, "auth: core access token is invalid"
        )
        if "user" not in claims["scope"] and name not in ANY_SCOPE:
            context.abort(grpc.StatusCode.PERMISSION_DENIED, "auth: core access token has no scope for this")
        return str(claims["user"]["username"])


def _method(services: tuple[object, ...], call: str) -> Method | None:
    name = WORD_BORDER.sub("_", call).lower()
    return next((getattr(each, name) for each in services if hasattr(each, name)), None)
