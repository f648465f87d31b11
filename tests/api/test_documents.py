"""The generated documents: current, whole, and true."""

from __future__ import annotations

import json
from typing import Any

import jsonschema
import pytest
import yaml
from jupyter_events import EventLogger

from rucio_jupyterlab.api import model, openapi
from rucio_jupyterlab.api.bus import SCHEMAS
from rucio_jupyterlab.api.routes import PREFIX, ROUTES


def test_the_committed_documents_are_current() -> None:
    assert [path.name for path, text in openapi.committed().items() if path.read_text() != text] == []


def test_every_route_is_in_the_openapi_document() -> None:
    paths = openapi.document()["paths"]
    described = {(method, path) for path, methods in paths.items() for method in methods}
    assert described == {(route.method.lower(), f"/{PREFIX}{route.path}") for route in ROUTES}


def test_every_reference_leads_somewhere() -> None:
    document = openapi.document()
    names = set(document["components"]["schemas"])

    def references(value: Any) -> set[str]:
        if isinstance(value, dict):
            own = {value["$ref"].rpartition("/")[2]} if "$ref" in value else set()
            return own.union(*map(references, value.values()))
        return set().union(*map(references, value)) if isinstance(value, list) else set()

    assert references(document) <= names


def test_no_answer_has_a_field_for_a_secret() -> None:
    schemas = openapi.document()["components"]["schemas"]
    answers = openapi.structs(route.reply for route in ROUTES)
    assert "InstanceInfo" in answers
    fields = {(name, field) for name in answers for field in schemas[name]["properties"]}
    secret = {each for each in fields if each[1] in ("password", "token", "secret", "key")}
    assert secret == {("Login", "key")}
    assert "Path" in schemas["Login"]["properties"]["key"]["description"]


def test_a_field_with_a_default_is_optional_in_requests_and_always_there_in_answers() -> None:
    schemas = openapi.document()["components"]["schemas"]
    assert schemas["SignIn"]["required"] == ["auth_type"]
    assert "cause" in schemas["JobSnapshot"]["required"]


def test_descriptions_come_from_the_structs() -> None:
    schemas = openapi.document()["components"]["schemas"]
    for name in ("JobSnapshot", "JobProgress"):
        assert schemas[name]["properties"]["growing"]["description"].startswith("A DID of it is open")


def test_the_engines_tag_does_not_show() -> None:
    assert '"ask"' not in json.dumps(openapi.document())


@pytest.mark.parametrize("identifier", model.EVENTS)
def test_jupyter_takes_the_event_schemas(identifier: str) -> None:
    bus = EventLogger()
    for path in SCHEMAS.glob("*.yaml"):
        bus.register_event_schema(path)
    assert identifier in bus.schemas


@pytest.mark.parametrize(("identifier", "event"), model.EVENTS.items())
def test_an_event_may_hold_no_field_that_its_schema_does_not_name(identifier: str, event: Any) -> None:
    schema = yaml.safe_load((SCHEMAS / f"{identifier.split(':')[2]}.yaml").read_text())
    assert schema["personal-data"] is True
    assert set(schema["properties"]) == set(event.__struct_fields__)
    for part in (schema, *schema["definitions"].values()):
        assert part["additionalProperties"] is False
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate({"sequence": 1}, schema)
