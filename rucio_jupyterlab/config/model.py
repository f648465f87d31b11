"""The configuration as immutable values; it travels to the engine in `Hello.configuration`."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Annotated, Any, Literal

import msgspec
from msgspec.structs import replace

from ..accounts.model import AuthType, ConfigurationSource
from ..errors import BadConfiguration

Mode = Literal["replica", "download"]
Link = Literal["symlink", "reflink", "copy"]
LogLevel = Literal["debug", "info", "warning", "error", "critical"]
CloudAuth = Literal["bearer", "basic", "appauth", "machine"]
TokenKind = Literal["auto", "oidc", "reva"]
MOST = 2**63 - 1
"""What JSON and the journal can hold."""
AtLeastZero = Annotated[int, msgspec.Meta(ge=0, le=MOST)]
AtLeastOne = Annotated[int, msgspec.Meta(ge=1, le=MOST)]
Connections = Annotated[int, msgspec.Meta(ge=1, le=1000)]
"""Each takes a file descriptor, of which a process has some thousand."""
Seconds = Annotated[float, msgspec.Meta(gt=0, le=86_400)]


class Cloud(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, forbid_unknown_fields=True):
    """How the user stands with one CS3 cloud. The keys are those of `[cs3:HOST]` in `rucio.cfg`, and `mounts`."""

    auth: CloudAuth = "bearer"
    user: str | None = None
    """For all but `bearer`."""
    secret_file: str | None = None
    """A file with the token, password or key; read anew at each sign-in."""
    secret_env: str | None = None
    """A variable with it instead."""
    token_kind: TokenKind = "auto"  # noqa: S105 - no secret
    ca_file: str | None = None
    """Authorities to trust instead of the system's, for gateway and data endpoint."""
    data_hosts: tuple[str, ...] | None = None
    """Hosts beside the gateway's own that get its tokens, whatever the RSE says; None: those that the RSE names."""
    data_endpoint_rewrite: dict[str, str] | None = None
    """Beginnings of data endpoints, each with what to put instead; None: as the RSE says."""
    mounts: dict[str, str] = {}
    """Paths of the cloud, each with the folder at which it is mounted here."""

    @property
    def signs_in(self) -> bool:
        return bool(self.secret_file or self.secret_env)

    def section(self) -> dict[str, str]:
        """What a section of `rucio.cfg` would say; how to sign in only where there is a secret."""
        told: dict[str, str | None] = {"ca_file": self.ca_file}
        if self.signs_in:
            told |= {"auth": self.auth, "user": self.user or None}
            told |= {"secret_file": self.secret_file or None, "secret_env": self.secret_env or None}
            told |= {"token_kind": self.token_kind if self.auth == "bearer" else None}
        if self.data_hosts is not None:
            told["data_hosts"] = ", ".join(self.data_hosts)
        if self.data_endpoint_rewrite is not None:
            told["data_endpoint_rewrite"] = "\n".join(map(" ".join, self.data_endpoint_rewrite.items()))
        return {key: value for key, value in told.items() if value is not None}


class Instance(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One Rucio. The keys and their meaning are those that sites already write."""

    name: str
    display_name: str = ""
    mode: Mode = "download"
    rucio_base_url: str = ""
    """As seen from here, without a slash at its end; may have a path."""
    rucio_auth_url: str | None = None
    """A separate host for authentication; None: the base URL."""
    rucio_webui_url: str | None = None
    rucio_ca_cert: str | None = None
    """A file, or a folder of hashed certificates; None: the system's."""
    app_id: str | None = None
    site_name: str | None = None
    """The site of this JupyterLab, by which Rucio picks nearer replicas."""
    vo: str | None = None
    destination_rse: str | None = None
    """In mode `replica`: the RSE that is mounted at `rse_mount_path`."""
    rse_mount_path: str | None = None
    path_begins_at: AtLeastZero = 0
    """Leading segments of a PFN's path that the mount does not have."""
    replication_rule_lifetime_days: AtLeastZero = 0
    """0: rules stay."""
    wildcard_enabled: bool = False
    oidc_auth: Literal["env", "file"] | None = None
    """Where the site puts a token; None: it puts none."""
    oidc_env_name: str | None = None
    oidc_file_name: str | None = None
    voms_enabled: bool = False
    voms_vomses_path: str | None = None
    voms_certdir_path: str | None = None
    voms_vomsdir_path: str | None = None
    cache_expires_at: AtLeastZero | None = None
    """When a fetched remote configuration is stale, in seconds since 1970; None: after 24 hours."""
    remote_url: str | None = None
    """The key `$url`: where the keys come from that are not set here."""
    local_keys: tuple[str, ...] = ()
    """With a `remote_url`: the keys that are set here, which win."""

    cs3: dict[str, Cloud] = {}
    """By the host of their gateway, or `host:port`."""
    token_rses: tuple[str, ...] = ()
    """RSEs that take OIDC tokens, beside those whose attribute `oidc_support` says so."""
    default_auth_type: AuthType | None = None
    default_account: str | None = None
    default_username: str | None = None
    client_certificate: str | None = None
    client_key: str | None = None
    client_proxy: str | None = None

    source: ConfigurationSource = "jupyter"
    source_detail: str = ""
    """Where exactly it was configured: a file, a variable."""
    problem: str | None = None
    """Why it cannot be used, naming the offending key."""

    @property
    def base_url(self) -> str:
        return self.rucio_base_url.rstrip("/")

    @property
    def auth_url(self) -> str:
        return (self.rucio_auth_url or self.rucio_base_url).rstrip("/")


class Options(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What a site or a user may set beside the instances."""

    views_dir: str | None = None
    """Readable folders of staged files; None: `~/rucio`."""
    store_dir: str | None = None
    """Where staged files live once; None: `.store` below the views."""
    shared_stores: tuple[str, ...] = ()
    """Stores of the site, which are read only."""
    mounts: tuple[str, ...] = ()
    """Folders below which `file:` addresses may be read."""
    quota_bytes: AtLeastOne | None = None
    """Most bytes that the store may take; None: what the disk has."""
    confirm_bytes: AtLeastZero = 2_000_000_000
    """Jobs of more bytes ask before they start."""
    confirm_files: AtLeastZero = 10_000
    bandwidth_limit: AtLeastOne | None = None
    """Bytes per second over all transfers."""
    max_connections: Connections = 32
    max_connections_per_host: Connections = 16
    connect_timeout: Seconds = 10.0
    """Seconds until Rucio must take a connection."""
    request_timeout: Seconds = 60.0
    """Seconds within which Rucio must go on answering."""
    stall_timeout: Seconds = 20.0
    """Seconds after which a storage that sends nothing has stalled."""
    link: Link = "symlink"
    """How a view holds a staged file."""
    send_traces: bool = True
    """Tell Rucio what was read, which feeds popularity and deletion."""
    log_level: LogLevel = "warning"
    """What the engine writes to its log."""
    cell_templates: dict[str, str] = {}
    """The site's cells by file ending (`.root`); `{paths}` and `{name}` are filled in."""


class Configuration(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Everything that was configured, wrong parts told apart from the usable rest."""

    instances: tuple[Instance, ...] = ()
    default_instance: str | None = None
    default_auth_type: AuthType | None = None
    options: Options = Options()
    problem: str | None = None
    """What could not be read at all, naming the offending key or file."""

    def with_instance(self, instance: Instance) -> Configuration:
        """One instance more, which is chosen at first where there is no other."""
        default = self.default_instance or instance.name
        return replace(self, instances=(*self.instances, instance), default_instance=default)

    @classmethod
    def together(cls, configurations: Iterable[Configuration]) -> Configuration:
        """What several clients configured, in the order in which they came, as one.

        All their instances, each as the last one describes it; the options of the last that sets any; and the
        first one's instance to begin with, for that is mostly the client that stays.
        """
        said = list(configurations)
        instances = {instance.name: instance for each in said for instance in each.instances}
        return cls(
            instances=tuple(instances.values()),
            default_instance=next((each.default_instance for each in said if each.default_instance), None),
            default_auth_type=next((each.default_auth_type for each in said if each.default_auth_type), None),
            options=next((each.options for each in reversed(said) if each.options != Options()), Options()),
            problem=next((each.problem for each in said if each.problem), None),
        )

    def says_the_same(self, other: Configuration) -> bool:
        """Whether two differ in nothing but where each instance was read: server and shell name it differently."""
        return self._without_places() == other._without_places()

    def _without_places(self) -> Configuration:
        return replace(self, instances=tuple(replace(each, source_detail="") for each in self.instances))

    def to_dict(self) -> dict[str, Any]:
        """Plain values, as `Hello.configuration` carries them."""
        plain: dict[str, Any] = msgspec.to_builtins(self)
        return plain

    @classmethod
    def from_dict(cls, plain: dict[str, Any]) -> Configuration:
        """The inverse of `to_dict`. Raises BadConfiguration."""
        try:
            return msgspec.convert(plain, cls)
        except msgspec.ValidationError:
            raise BadConfiguration("The configuration that was handed over could not be read.") from None
