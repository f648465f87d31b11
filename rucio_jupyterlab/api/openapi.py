"""The OpenAPI document and the event schemas, and the command that keeps the committed copies current.

`python -m rucio_jupyterlab.api.openapi` writes `openapi.json` and `events/*.yaml`; with `--check` it compares
and fails.
"""

from __future__ import annotations

import ast
import inspect
import json
import re
import sys
import textwrap
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import msgspec
import yaml

from . import model
from .routes import EVERYWHERE, PREFIX, ROUTES, Route

FOLDER = Path(__file__).parent
REFERENCE = "#/components/schemas/{name}"

Json = dict[str, Any]


def document() -> Json:
    """The whole document; the same input gives the same bytes."""
    requests = {route.request for route in ROUTES}
    answers = {route.reply for route in ROUTES} | set(model.EVENTS.values()) | {model.ProblemDocument}
    types = sorted(requests | answers, key=lambda type_: type_.__name__)
    _, schemas = msgspec.json.schema_components(types, ref_template=REFERENCE)
    sources = structs(types)
    describe_fields(schemas, sources)
    whole = {name for name, source in sources.items() if not source.__struct_config__.omit_defaults}
    require_what_is_always_sent(schemas, whole, set(structs(requests)))
    request_schemas = {request: schemas.pop(request.__name__) for request in requests}
    paths: dict[str, Json] = {}
    for route in ROUTES:
        schema = request_schemas[route.request]
        paths.setdefault(f"/{PREFIX}{route.path}", {})[route.method.lower()] = operation(route, schema)
        if "requestBody" in paths[f"/{PREFIX}{route.path}"][route.method.lower()]:
            schemas[route.request.__name__] = body_schema(route, schema)
    return {
        "openapi": "3.1.0",
        "info": {"title": "rucio-jupyterlab", "version": "1"},
        "paths": paths,
        "components": {"schemas": dict(sorted(schemas.items()))},
        "x-events": {name: reference(event) for name, event in model.EVENTS.items()},
    }


def reference(type_: type) -> Json:
    return {"$ref": REFERENCE.format(name=type_.__name__)}


def operation(route: Route, schema: Json) -> Json:
    """One method of one path."""
    in_path = path_fields(route)
    in_query = [] if route.takes_body else [name for name in own_properties(schema) if name not in in_path]
    found: Json = {
        "operationId": route.request.__name__,
        "summary": route.summary,
        "responses": {"200": success(route)} | problem_responses(route),
    }
    if "description" in schema:
        found["description"] = schema["description"]
    if in_path or in_query:
        found["parameters"] = [
            parameter(name, place, schema)
            for place, names in (("path", in_path), ("query", in_query))
            for name in names
        ]
    body = body_schema(route, schema)
    if route.takes_body and body["properties"]:
        content = {"application/json": {"schema": reference(route.request)}}
        found["requestBody"] = {"required": bool(body["required"]), "content": content}
    return found


def path_fields(route: Route) -> list[str]:
    return re.findall(r"{(\w+)}", route.path)


def own_properties(schema: Json) -> Json:
    """A request's properties without the tag that tells requests apart on the engine's socket."""
    return {name: value for name, value in schema["properties"].items() if name != "ask"}


def body_schema(route: Route, schema: Json) -> Json:
    """What the body holds: the request's fields that are not in the path."""
    elsewhere = {"ask", *path_fields(route)}
    properties = {name: value for name, value in schema["properties"].items() if name not in elsewhere}
    required = [name for name in schema.get("required", []) if name not in elsewhere]
    return {**schema, "properties": properties, "required": required}


def parameter(name: str, place: str, schema: Json) -> Json:
    value = dict(schema["properties"][name])
    found: Json = {"name": name, "in": place, "required": name in schema["required"]}
    if "description" in value:
        found["description"] = value.pop("description")
    return {**found, "schema": value}


def success(route: Route) -> Json:
    content = {"application/json": {"schema": reference(route.reply)}}
    return {"description": route.reply.__name__, "content": content}


def problem_responses(route: Route) -> Json:
    """Each status with the types of problem that come under it."""
    types: dict[int, list[str]] = {}
    for failure in dict.fromkeys((*EVERYWHERE, *route.problems)):
        types.setdefault(failure.status, []).append(f"`{failure.type}`")
    content = {"application/problem+json": {"schema": reference(model.ProblemDocument)}}
    return {
        str(status): {
            "description": f"Problem of type {' or '.join(names)}",
            "content": content,
        }
        for status, names in sorted(types.items())
    } | {"default": {"description": "Any other problem", "content": content}}


def require_what_is_always_sent(schemas: Json, answers: set[str], requests: set[str]) -> None:
    """In an answer every field is there, default or not; only what a request may hold stays optional."""
    for name in answers - requests:
        schemas[name]["required"] = list(schemas[name]["properties"])


def describe_fields(schemas: Json, sources: Mapping[str, type[msgspec.Struct]]) -> None:
    """Add to each property the docstring that stands below its field."""
    for name, source in sources.items():
        for field, text in field_docstrings(source).items():
            if field in schemas[name]["properties"]:
                schemas[name]["properties"][field]["description"] = text


def structs(types: Iterable[type]) -> dict[str, type[msgspec.Struct]]:
    """Those structs and all that they are made of, by name."""
    found: dict[str, type[msgspec.Struct]] = {}

    def visit(node: object) -> None:
        if isinstance(node, msgspec.inspect.StructType):
            if node.cls.__name__ in found:
                return
            found[node.cls.__name__] = node.cls
        if isinstance(node, tuple):
            for part in node:
                visit(part)
        elif isinstance(node, (msgspec.inspect.Type, msgspec.inspect.Field)):
            visit(msgspec.structs.astuple(node))

    visit(tuple(msgspec.inspect.multi_type_info(types)))
    return found


def field_docstrings(struct: type[msgspec.Struct]) -> dict[str, str]:
    """The strings that stand below annotated fields in the source of a struct and of those that it extends."""
    inherited = struct.__base__
    found = field_docstrings(inherited) if inherited and inherited is not msgspec.Struct else {}
    source = ast.parse(textwrap.dedent(inspect.getsource(struct)))
    definition = next(node for node in ast.walk(source) if isinstance(node, ast.ClassDef))
    return found | {
        field.target.id: " ".join(below.value.value.split())
        for field, below in zip(definition.body, definition.body[1:], strict=False)
        if isinstance(field, ast.AnnAssign)
        and isinstance(field.target, ast.Name)
        and isinstance(below, ast.Expr)
        and isinstance(below.value, ast.Constant)
        and isinstance(below.value.value, str)
    }


def event_schema(identifier: str, event: type[msgspec.Struct]) -> Json:
    """The schema by which Jupyter's bus checks an event; no field may be there that it does not name."""
    _, schemas = msgspec.json.schema_components([event], ref_template="#/definitions/{name}")
    describe_fields(schemas, structs([event]))
    for schema in schemas.values():
        schema["additionalProperties"] = False
    own = schemas.pop(event.__name__)
    head = {"$id": identifier, "version": "1", "title": own.pop("title"), "personal-data": True}
    return {**head, **own, "definitions": schemas}


def committed() -> dict[Path, str]:
    """Every generated file and what it must hold."""
    schemas = {
        FOLDER / "events" / f"{identifier.split(':')[2]}.yaml": yaml.safe_dump(
            event_schema(identifier, event), sort_keys=False, allow_unicode=True, width=100
        )
        for identifier, event in model.EVENTS.items()
    }
    openapi = json.dumps(document(), indent=1, ensure_ascii=False) + "\n"
    return {FOLDER / "openapi.json": openapi} | schemas


def main() -> str | None:
    """Write or check; the complaint, if there is one."""
    if "--check" not in sys.argv[1:]:
        for path, text in committed().items():
            path.write_text(text, encoding="utf-8")
        return None
    stale = [
        path.name
        for path, text in committed().items()
        if not path.exists() or path.read_text(encoding="utf-8") != text
    ]
    if stale:
        return f"Out of date: {', '.join(stale)}. Run python -m rucio_jupyterlab.api.openapi"
    return None


if __name__ == "__main__":
    sys.exit(main())
