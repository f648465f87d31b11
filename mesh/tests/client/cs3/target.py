"""One gateway as the probes see it: the published stubs and plain HTTP, none of our own client."""

from __future__ import annotations

import http.client
import ipaddress
import os
import secrets
import ssl
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, cast
from urllib.parse import urlsplit

import cs3.gateway.v1beta1.gateway_api_pb2 as gw
import cs3.gateway.v1beta1.gateway_api_pb2_grpc as gw_grpc
import cs3.rpc.v1beta1.code_pb2 as codes
import cs3.storage.provider.v1beta1.provider_api_pb2 as provider
import cs3.storage.provider.v1beta1.resources_pb2 as resources
import cs3.types.v1beta1.types_pb2 as types
import grpc
import requests

from rucio_mesh.testing.cs3.gateway import Gateway
from rucio_mesh.testing.cs3.profiles import PROFILES, Profile, ProfileName

SECONDS = 20
LIVE = "CS3_TEST_GATEWAY"
LIVE_ONE = ("live",) if LIVE in os.environ else ()
MESSAGE_BYTES = 64 << 20


def live_profile() -> ProfileName:
    """The kind of storage that the live gateway has."""
    return cast("ProfileName", os.environ.get("CS3_TEST_PROFILE", "eos"))


def ref(path: str) -> Any:
    return resources.Reference(path=path)


def opaque(**entries: str) -> Any:
    """`Upload_Length="3"` is the entry Upload-Length."""
    told = {
        name.replace("_", "-") if name != "version_key" else name: types.OpaqueEntry(
            decoder="plain", value=value.encode()
        )
        for name, value in entries.items()
    }
    return types.Opaque(map=told)


def is_here(host: str) -> bool:
    """Whether what is sent there stays on this machine, so that it may go in plain text."""
    try:
        return host == "localhost" or ipaddress.ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return False


class PlainTextHere(requests.adapters.HTTPAdapter):
    """A data endpoint elsewhere gets no token without TLS."""

    def send(self, request: requests.PreparedRequest, *args: Any, **options: Any) -> requests.Response:
        if not is_here(urlsplit(request.url or "").hostname or ""):
            raise requests.exceptions.InvalidURL("the gateway names a data endpoint that does not speak TLS")
        return super().send(request, *args, **options)


class Straight(requests.Session):
    """Follows no redirect: the tokens would go along."""

    def get_redirect_target(self, _answer: requests.Response) -> None:
        return None


@dataclass
class Target:
    """A gateway, somebody who is signed in there, and an empty folder of theirs."""

    address: str
    profile: Profile
    login: tuple[str, str, str]
    """Type, id and secret."""
    ca: Path | None = None
    """The certificate that TLS is verified with; None: the system's authorities, and plain text on loopback."""
    gateway: Gateway | None = None
    """If it is our own."""
    folder: str = ""
    token: str = ""
    _channel: Any = field(default=None, repr=False)

    def __post_init__(self) -> None:
        self._channel = self.channel(MESSAGE_BYTES)
        self.stub = gw_grpc.GatewayAPIStub(self._channel)
        self.http = Straight()
        self.http.trust_env = False
        self.http.verify = str(self.ca) if self.ca else True
        self.http.mount("http://", PlainTextHere())

    @classmethod
    def of(cls, gateway: Gateway, user: str = "einstein", secret: str = "relativity") -> Target:
        return cls(gateway.address, gateway.profile, ("basic", user, secret), gateway=gateway)

    @classmethod
    def live(cls) -> Target:
        """The gateway that the environment names."""
        told = os.environ
        login = (told.get("CS3_TEST_LOGIN", "basic"), told["CS3_TEST_USER"], told["CS3_TEST_SECRET"])
        ca = told.get("CS3_TEST_CA")
        return cls(told[LIVE], PROFILES[live_profile()], login, Path(ca) if ca else None)

    def close(self) -> None:
        self.http.close()
        self._channel.close()

    # ---- gRPC

    def channel(self, message_bytes: int) -> grpc.Channel:
        """One that takes answers up to this size."""
        options = [
            ("grpc.max_receive_message_length", message_bytes),
            ("grpc.enable_http_proxy", 0),
            # Else a new channel waits for the back-off of an older one.
            ("grpc.use_local_subchannel_pool", 1),
        ]
        if not self.ca and is_here(self.address.rpartition(":")[0]):
            return grpc.insecure_channel(self.address, options)
        trusted = grpc.ssl_channel_credentials(self.ca.read_bytes() if self.ca else None)
        return grpc.secure_channel(self.address, trusted, options)

    def authenticate(self, kind: str, client_id: str, secret: str) -> Any:
        request = gw.AuthenticateRequest(type=kind, client_id=client_id, client_secret=secret)
        return self.stub.Authenticate(request, timeout=SECONDS)

    def sign_in(self) -> None:
        reply = self.authenticate(*self.login)
        assert reply.status.code == codes.CODE_OK
        self.token = reply.token

    def begin(self) -> Target:
        """Sign in, and make an empty folder."""
        self.sign_in()
        self.folder = f"{self.home()}/probe-{secrets.token_hex(6)}"
        self.ok("CreateContainer", provider.CreateContainerRequest(ref=ref(self.folder)))
        return self

    def home(self) -> str:
        return str(self.ok("GetHome", provider.GetHomeRequest()).path)

    def call(self, method: str, request: Any) -> Any:
        """The reply, whatever its status."""
        metadata = [("x-access-token", self.token)]
        return getattr(self.stub, method)(request, metadata=metadata, timeout=SECONDS)

    def ok(self, method: str, request: Any) -> Any:
        reply = self.call(method, request)
        assert reply.status.code == codes.CODE_OK, f"{method}: {codes.Code.Name(reply.status.code)}"
        return reply

    def code(self, method: str, request: Any) -> int:
        return int(self.call(method, request).status.code)

    def path(self, name: str) -> str:
        return f"{self.folder}/{name}"

    def stat_code(self, name: str) -> int:
        return self.code("Stat", provider.StatRequest(ref=ref(self.path(name))))

    def info(self, name: str, keys: Iterable[str] = ()) -> Any:
        request = provider.StatRequest(ref=ref(self.path(name)), arbitrary_metadata_keys=keys)
        return self.ok("Stat", request).info

    def make_folder(self, name: str) -> None:
        self.ok("CreateContainer", provider.CreateContainerRequest(ref=ref(self.path(name))))

    # ---- HTTP

    def connection(self, url: str) -> http.client.HTTPConnection:
        """To an endpoint, for a request that is not to be a whole one."""
        address = urlsplit(url)
        host, port = str(address.hostname), address.port
        if address.scheme == "https":
            trusted = ssl.create_default_context(cafile=str(self.ca) if self.ca else None)
            return http.client.HTTPSConnection(host, port, timeout=SECONDS, context=trusted)
        assert is_here(host), "the gateway names a data endpoint that does not speak TLS"
        return http.client.HTTPConnection(host, port, timeout=SECONDS)

    def headers(self, offer: Any, **more: str) -> dict[str, str]:
        told = {name.replace("_", "-"): value for name, value in more.items()}
        return {"x-access-token": self.token, "X-Reva-Transfer": offer.token, **told}

    def download(self, name: str, **opaque_entries: str) -> Any:
        """The first protocol offered for reading a file."""
        request = provider.InitiateFileDownloadRequest(
            ref=ref(self.path(name)), opaque=opaque(**opaque_entries)
        )
        return self.ok("InitiateFileDownload", request).protocols[0]

    def get(self, name: str, *, method: str = "GET", **headers: str) -> requests.Response:
        offer = self.download(name)
        return self.http.request(
            method, offer.download_endpoint, headers=self.headers(offer, **headers), timeout=SECONDS
        )

    def initiate(self, name: str, length: int, protocol: str = "simple", **opaque_entries: str) -> Any:
        """The offer of that protocol for writing a file."""
        entries = {"Upload_Length": str(length), **opaque_entries}
        request = provider.InitiateFileUploadRequest(ref=ref(self.path(name)), opaque=opaque(**entries))
        reply = self.ok("InitiateFileUpload", request)
        return next(each for each in reply.protocols if each.protocol == protocol)

    def send(self, offer: Any, body: Any, method: str = "PUT", **headers: str) -> requests.Response:
        return self.http.request(
            method, offer.upload_endpoint, data=body, headers=self.headers(offer, **headers), timeout=SECONDS
        )

    def put(self, name: str, content: bytes, **opaque_entries: str) -> requests.Response:
        offer = self.initiate(name, len(content), **opaque_entries)
        return self.send(offer, content, Upload_Length=str(len(content)))
