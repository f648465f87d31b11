"""What sites and users write, and what it becomes."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import msgspec
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from rucio_jupyterlab.config import Configuration, Options, configuration_from
from rucio_jupyterlab.config.reading import INSTANCE_KEYS
from rucio_jupyterlab.config.remote import merged
from rucio_jupyterlab.errors import BadConfiguration

SITE: dict[str, Any] = {
    "name": "escape.example.org",
    "display_name": "ESCAPE",
    "mode": "replica",
    "rucio_base_url": "https://rucio.example.org/prefix/",
    "rucio_auth_url": "https://auth.example.org",
    "rucio_ca_cert": __file__,  # any file that is there
    "destination_rse": "SITE_RSE",
    "rse_mount_path": "/eos/rucio",
    "path_begins_at": 1,
    "vo": "esc",
    "wildcard_enabled": True,
    "oidc_auth": "file",
    "oidc_file_name": "/tokens/rucio",
    "some_future_key": 7,
}


def read(*instances: Any, environ: dict[str, str] | None = None, **traits: Any) -> Configuration:
    return configuration_from({"instances": list(instances), **traits}, environ or {})


def test_the_keys_of_sites_are_read_and_unknown_ones_ignored() -> None:
    configuration = read(SITE)

    (instance,) = configuration.instances
    assert instance.problem is None
    assert configuration.problem is None
    assert configuration.default_instance == "escape.example.org"
    for key in set(SITE) - {"some_future_key"}:
        assert getattr(instance, key) == SITE[key]
    assert instance.base_url == "https://rucio.example.org/prefix"
    assert instance.auth_url == "https://auth.example.org"


def test_a_configuration_travels() -> None:
    configuration = read(SITE, quota_bytes=10, link="copy", cell_templates={".csv": "x"})

    assert Configuration.from_dict(configuration.to_dict()) == configuration
    with pytest.raises(BadConfiguration):
        Configuration.from_dict({"instances": 3})


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("path_begins_at", "one"),
        ("path_begins_at", -1),
        ("path_begins_at", 1.5),
        ("mode", "both"),
        ("wildcard_enabled", "perhaps"),
        ("vo", ["a"]),
        ("rucio_base_url", "rucio.example.org"),
        ("rucio_base_url", "http://rucio.example.org"),
        ("rucio_base_url", "https://user:secret@rucio.example.org"),
        ("rucio_base_url", "ftp://rucio.example.org"),
        ("rucio_base_url", "https://rucio.example.org:port"),
        ("rucio_auth_url", "http://auth.example.org"),
        ("rucio_ca_cert", "/absent/ca.pem"),
        ("rucio_ca_cert", "ca.pem"),
        ("oidc_auth", "smoke"),
        ("oidc_file_name", "tokens/rucio"),
        ("replication_rule_lifetime_days", -1),
        ("destination_rse", None),
        ("rse_mount_path", ""),
        ("rse_mount_path", "/mnt/\0"),
        ("cache_expires_at", 10**30),
        ("mode", "r\udce9plica"),
        ("name", "r\udce9plica"),
    ],
)
def test_a_wrong_key_is_named_and_the_rest_can_be_used(key: str, value: Any) -> None:
    good = SITE | {"name": "good", "display_name": "Good"}

    configuration = read(SITE | {key: value}, good)

    bad, other = configuration.instances
    assert bad.problem is not None
    assert f"“{key}”" in bad.problem
    assert "secret" not in bad.problem
    assert other.problem is None


@pytest.mark.parametrize("key", ["rucio_base_url", "destination_rse", "rse_mount_path", "oidc_file_name"])
def test_a_key_of_a_wrong_type_is_not_called_missing_too(key: str) -> None:
    (instance,) = read(SITE | {key: 5}).instances

    assert instance.problem == f"The key “{key}” must be a text."


def test_the_token_needs_its_place() -> None:
    (instance,) = read(SITE | {"oidc_auth": "env"}).instances

    assert instance.problem == "The key “oidc_env_name” is missing, which oidc_auth “env” needs."


@pytest.mark.parametrize("listed", ["escape", 3, {"name": "x"}])
def test_instances_that_are_no_list_are_told(listed: Any) -> None:
    configuration = configuration_from({"instances": listed}, {})

    assert configuration.instances == ()
    assert configuration.problem == "The key “instances” must be a list."


def test_an_entry_without_name_and_one_that_is_no_table_are_told() -> None:
    configuration = read("https://rucio.example.org", {**SITE, "name": None}, SITE, SITE)

    assert [one.name for one in configuration.instances] == ["ESCAPE", "escape.example.org"]
    assert configuration.problem is not None
    assert "entry 1" in configuration.problem
    assert "“name” is missing in the entry 2" in configuration.problem
    assert "in two entries" in configuration.problem


def test_a_default_that_is_not_there_is_told() -> None:
    configuration = read(SITE, default_instance="elsewhere", default_auth_type="kerberos")

    assert configuration.default_instance == "escape.example.org"
    assert configuration.problem is not None
    assert "“default_instance”" in configuration.problem
    assert "“default_auth_type”" in configuration.problem


@pytest.mark.parametrize("value", [["userpass"], {"userpass": 1}, 3])
def test_a_default_that_is_no_text_is_told(value: Any) -> None:
    configuration = read(SITE, default_instance=value, default_auth_type=value)

    assert configuration.default_instance == "escape.example.org"
    assert configuration.default_auth_type is None
    assert configuration.problem is not None
    assert "“default_instance” must be a text." in configuration.problem
    assert "“default_auth_type” must be one of" in configuration.problem


def test_options_are_read_and_wrong_ones_named() -> None:
    configuration = read(confirm_files="many", quota_bytes="1000", shared_stores=["/a"], link="hard")

    assert configuration.options == Options(quota_bytes=1000, shared_stores=("/a",))
    assert configuration.problem is not None
    assert "“confirm_files” must be a whole number" in configuration.problem
    assert "“link” must be one of" in configuration.problem


@pytest.mark.parametrize(
    ("key", "value", "words"),
    [
        ("quota_bytes", -1, "a whole number of at least 1 and of at most 18 digits"),
        ("bandwidth_limit", 0, "a whole number of at least 1 and of at most 18 digits"),
        ("max_connections", 0, "a whole number from 1 to 1000"),
        ("max_connections", 10**30, "a whole number from 1 to 1000"),
        ("max_connections_per_host", -2, "a whole number from 1 to 1000"),
        ("confirm_files", -1, "a whole number of at least 0 and of at most 18 digits"),
        ("confirm_bytes", 10**30, "a whole number of at least 0 and of at most 18 digits"),
        ("connect_timeout", -5, "a number above 0"),
        ("request_timeout", 0, "a number above 0"),
        ("stall_timeout", float("nan"), "a number above 0"),
    ],
)
def test_an_option_out_of_its_range_is_told_and_left_at_its_default(
    key: str, value: float, words: str
) -> None:
    configuration = configuration_from({"instances": [SITE], key: value}, {})

    assert configuration.options == Options()
    assert f"The key “{key}” must be {words}" in str(configuration.problem)


@pytest.mark.parametrize(
    ("key", "value", "words"),
    [
        ("views_dir", "data", "an absolute path, or one that begins with “~/”"),
        ("store_dir", "~nobody-of-this-name/data", "an absolute path, or one that begins with “~/”"),
        ("store_dir", "/data\0", "an absolute path"),
        ("mounts", ["/eos", "eos"], "a list of absolute paths"),
        ("shared_stores", ["~/store"], "a list of absolute paths"),
        ("shared_stores", [3], "a list of texts"),
    ],
)
def test_a_folder_that_would_be_another_one_for_the_engine_is_told(key: str, value: Any, words: str) -> None:
    configuration = configuration_from({"instances": [SITE], key: value}, {})

    assert configuration.options == Options()
    assert f"The key “{key}” must be {words}" in str(configuration.problem)


def test_folders_may_begin_at_the_users_home() -> None:
    configuration = read(SITE, views_dir="~/data", store_dir="~")

    assert configuration.problem is None
    assert configuration.options == Options(views_dir="~/data", store_dir="~")


def test_what_is_told_can_be_handed_on_whatever_was_written() -> None:
    instance = SITE | {"cs3": {"\udce9": {"auth": "basic"}}}
    configuration = configuration_from(
        {"instances": [instance], "default_instance": "\udce9", "\udce9": 1}, {}
    )

    assert "“default_instance”" in str(configuration.problem)
    assert msgspec.json.encode(configuration)


def test_an_option_that_there_is_not_is_told() -> None:
    assert read(SITE, quota_byte=10**9, flavour="sweet").problem == (
        "The key “quota_byte” of RucioConfig is not known; did you mean “quota_bytes”? "
        "The key “flavour” of RucioConfig is not known."
    )


@settings(suppress_health_check=[HealthCheck.too_slow])  # a busy machine draws slowly
@given(
    st.dictionaries(
        st.sampled_from([*INSTANCE_KEYS, "$url"]),
        st.none() | st.integers() | st.text() | st.booleans() | st.lists(st.text()) | st.floats(),
    )
)
def test_no_instance_whatever_its_values_keeps_the_rest_from_being_read(plain: dict[str, Any]) -> None:
    configuration = read(plain, SITE)

    assert configuration.instances[-1].name == "escape.example.org" or "two entries" in str(
        configuration.problem
    )
    assert Configuration.from_dict(configuration.to_dict()) == configuration


CLOUD = {"Cloud.example.org": {"secret_file": "/tokens/cernbox", "mounts": {"/eos/user": "/eos/user"}}}


def test_a_cloud_is_found_by_its_host_however_it_is_written() -> None:
    swan = {"SWAN_USE_RUCIO": "true", "SWAN_RUCIO_INSTANCE": "ESCAPE", "SWAN_RUCIO_RSE": "OTHER"}
    for environ in ({}, swan):
        (instance,) = read(SITE | {"cs3": CLOUD}, environ=environ).instances
        assert instance.problem is None
        cloud = instance.cs3["cloud.example.org"]
        assert cloud.section() == {
            "auth": "bearer",
            "secret_file": "/tokens/cernbox",
            "token_kind": "auto",
        }
        assert cloud.mounts == {"/eos/user": "/eos/user"}


@pytest.mark.parametrize(
    "cloud",
    [
        {"secret": "s3cr3t"},
        {"auth": "magic", "secret_file": "/f"},
        {"auth": "basic", "secret_file": "/f"},
        {"secret_file": "/f", "secret_env": "V"},
        {"data_hosts": "data.example.org"},
        {"ca_file": ""},
        {"data_endpoint_rewrite": {"http://10.0.0.1/": "data.example.org"}},
        "s3cr3t",
    ],
)
def test_a_wrong_key_of_a_cloud_is_told_and_its_value_is_not(cloud: Any) -> None:
    (instance,) = read(SITE | {"cs3": {"cloud.example.org": cloud}}).instances
    assert instance.problem and "“cs3”" in instance.problem and "s3cr3t" not in instance.problem


def test_the_variables_of_the_container_image_make_an_instance() -> None:
    environ = {
        "RUCIO_NAME": "vre",
        "RUCIO_DISPLAY_NAME": "VRE",
        "RUCIO_BASE_URL": "https://rucio.example.org",
        "RUCIO_MODE": "replica",
        "RUCIO_DESTINATION_RSE": "EOS",
        "RUCIO_RSE_MOUNT_PATH": "/eos",
        "RUCIO_PATH_BEGINS_AT": "4",
        "RUCIO_WILDCARD_ENABLED": "1",
        "RUCIO_OIDC_AUTH": "env",
        "RUCIO_OIDC_ENV_NAME": "RUCIO_ACCESS_TOKEN",
        "RUCIO_DEFAULT_INSTANCE": "vre",
        "RUCIO_DEFAULT_AUTH_TYPE": "oidc",
    }

    configuration = configuration_from({}, environ)

    (instance,) = configuration.instances
    assert configuration.problem is None
    assert (instance.source, instance.problem) == ("environment", None)
    assert (instance.path_begins_at, instance.wildcard_enabled) == (4, True)
    assert configuration.default_auth_type == "token"


def test_a_list_in_a_variable_is_split_at_its_commas() -> None:
    environ = {
        "RUCIO_NAME": "vre",
        "RUCIO_BASE_URL": "https://rucio.example.org",
        "RUCIO_TOKEN_RSES": "A, B,",
        "RUCIO_LOG_LEVEL": "debug",
    }

    configuration = configuration_from({}, environ)

    assert configuration.problem is None
    assert [(one.problem, one.token_rses) for one in configuration.instances] == [(None, ("A", "B"))]
    assert configuration.options.log_level == "debug"
    assert configuration_from({"log_level": "error"}, environ).options.log_level == "error"


def test_variables_without_a_name_are_told() -> None:
    environ = {"RUCIO_BASE_URL": "https://rucio.example.org", "RUCIO_MODE": "download"}

    configuration = configuration_from({}, environ)

    assert configuration.instances == ()
    assert "The variable “RUCIO_NAME” is missing" in str(configuration.problem)


def test_of_one_name_here_and_in_a_variable_the_first_counts_and_it_is_told() -> None:
    environ = {"RUCIO_NAME": SITE["name"], "RUCIO_BASE_URL": "https://other.example.org"}

    configuration = read(SITE, environ=environ)

    assert [one.base_url for one in configuration.instances] == ["https://rucio.example.org/prefix"]
    assert "both in “instances” and in “RUCIO_NAME”" in str(configuration.problem)


def test_the_same_instance_here_and_in_the_variables_is_no_mistake() -> None:
    environ = {
        "RUCIO_NAME": "vre",
        "RUCIO_BASE_URL": "https://rucio.example.org",
        "RUCIO_PATH_BEGINS_AT": "4",
    }
    written = {"name": "vre", "rucio_base_url": "https://rucio.example.org", "path_begins_at": 4}

    configuration = read(written, environ=environ)

    assert (configuration.problem, len(configuration.instances)) == (None, 1)


def test_variables_of_other_programs_make_none() -> None:
    environ = {"RUCIO_HOME": "/opt/none", "RUCIO_CA_CERT": "/ca.pem", "RUCIO_ACCOUNT": "alice"}

    assert configuration_from({}, environ).instances == ()


@pytest.mark.parametrize("variable", ["SWAN_RUCIO_RSE_PATH_BEGINS_AT", "SWAN_RUCIO_RSE_PATH_NUMBER"])
@pytest.mark.parametrize("chosen", ["escape.example.org", "ESCAPE"])
def test_the_rse_that_was_chosen_in_swans_form_is_the_mounted_one(chosen: str, variable: str) -> None:
    environ = {
        "SWAN_USE_RUCIO": "true",
        "SWAN_RUCIO_INSTANCE": chosen,
        "SWAN_RUCIO_RSE": "CERN_EOS",
        "SWAN_RUCIO_RSE_PATH": "/eos/escape",
        variable: "5",
    }
    other = SITE | {"name": "other", "display_name": "Other"}

    configuration = read(other, SITE, environ=environ)

    instance = configuration.instances[1]
    assert configuration.default_instance == "escape.example.org"
    assert (instance.destination_rse, instance.rse_mount_path) == ("CERN_EOS", "/eos/escape")
    assert instance.path_begins_at == 5
    assert instance.vo == "esc"
    assert configuration.instances[0].destination_rse == "SITE_RSE"


def test_a_wrong_key_is_told_with_swans_form_too() -> None:
    environ = {"SWAN_USE_RUCIO": "true", "SWAN_RUCIO_INSTANCE": "ESCAPE", "SWAN_RUCIO_RSE": "CERN_EOS"}

    (instance,) = read(SITE | {"mode": "both"}, environ=environ).instances

    assert "“mode”" in str(instance.problem)


def test_keys_from_an_address_count_with_swans_form_too() -> None:
    environ = {
        "SWAN_USE_RUCIO": "true",
        "SWAN_RUCIO_INSTANCE": "site",
        "SWAN_RUCIO_RSE": "CERN_EOS",
        "SWAN_RUCIO_RSE_PATH": "/eos/escape",
    }
    plain = {"name": "site", "mode": "replica", "vo": "esc", "$url": "https://config.example.org/site.json"}
    (local,) = read(plain, environ=environ).instances

    keys = {
        "rucio_base_url": "https://rucio.example.org",
        "wildcard_enabled": True,
        "path_begins_at": 3,
        "vo": "other",
        "destination_rse": "OTHER",
    }
    instance = merged(local, keys)

    assert instance.problem is None
    assert (instance.wildcard_enabled, instance.path_begins_at) == (True, 3)
    assert (instance.vo, instance.destination_rse) == ("esc", "CERN_EOS")


def test_a_choice_in_swans_form_that_is_not_configured_is_told() -> None:
    configuration = read(SITE, environ={"SWAN_USE_RUCIO": "true", "SWAN_RUCIO_INSTANCE": "dune"})

    assert configuration.problem is not None
    assert "“SWAN_RUCIO_INSTANCE”" in configuration.problem


def test_without_any_instance_the_users_rucio_cfg_is_read(tmp_path: Path) -> None:
    file = tmp_path / "etc" / "rucio.cfg"
    file.parent.mkdir()
    (tmp_path / "ca.pem").touch()
    file.write_text(
        "[client]\nrucio_host = https://rucio.example.org:443\nauth_host = https://auth.example.org\n"
        "ca_cert = $HOME/ca.pem\nauth_type = x509_proxy\nclient_x509_proxy = ~/proxy\naccount = alice\n"
        "username = ally\npassword = secret\nvo = esc\n"
    )

    configuration = configuration_from({}, {"RUCIO_HOME": str(tmp_path), "HOME": str(tmp_path)})

    (instance,) = configuration.instances
    assert instance.problem is None
    assert (instance.source, instance.source_detail) == ("rucio.cfg", str(file))
    assert instance.rucio_ca_cert == str(tmp_path / "ca.pem")
    assert instance.client_proxy == str(tmp_path / "proxy")
    assert (instance.default_auth_type, instance.default_account) == ("x509_proxy", "alice")
    assert instance.default_username == "ally"
    assert instance.wildcard_enabled
    assert "secret" not in repr(configuration)


@pytest.mark.parametrize("content", [b"no section = 1\n", b"\xff\xfe", None])
def test_a_rucio_cfg_that_cannot_be_read_is_told(tmp_path: Path, content: bytes | None) -> None:
    file = tmp_path / "rucio.cfg"
    if content is not None:
        file.write_bytes(content)

    (instance,) = configuration_from({}, {"RUCIO_CONFIG": str(file)}).instances

    assert instance.problem is not None
    assert str(file) in instance.problem


def test_a_rucio_cfg_from_an_editor_of_windows_is_read(tmp_path: Path) -> None:
    file = tmp_path / "rucio.cfg"
    file.write_bytes(b"\xef\xbb\xbf[client]\r\nrucio_host = https://rucio.invalid\r\n")
    (instance,) = configuration_from({}, {"RUCIO_CONFIG": str(file)}).instances
    assert (instance.base_url, instance.problem) == ("https://rucio.invalid", None)


def test_a_rucio_cfg_of_a_server_names_no_instance(tmp_path: Path) -> None:
    file = tmp_path / "rucio.cfg"
    file.write_text("[database]\ndefault = sqlite:///x\n")

    assert configuration_from({}, {"RUCIO_CONFIG": str(file)}).instances == ()


def test_the_token_of_wlcg_discovery_is_found(tmp_path: Path) -> None:
    file = tmp_path / "rucio.cfg"
    file.write_text("[client]\nrucio_host = https://rucio.example.org\nauth_type = oidc\n")
    token = tmp_path / "token"
    token.write_text("x")

    (instance,) = configuration_from(
        {}, {"RUCIO_CONFIG": str(file), "BEARER_TOKEN_FILE": str(token)}
    ).instances

    assert (instance.oidc_auth, instance.oidc_file_name) == ("file", str(token))
    assert instance.default_auth_type == "token"
