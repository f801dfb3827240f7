"""The OpenAPI document: what the endpoints say of themselves, and the two that read raw bodies."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Mapping
from typing import Any, Final, Literal, TypeAlias

from fastapi import FastAPI
from fastapi.openapi.utils import get_openapi
from pydantic import BaseModel, TypeAdapter
from pydantic.json_schema import models_json_schema

from sandbox_tools.types import Json
from verifier_service.catalog import Catalog
from verifier_service.middleware import OPEN_PATHS
from verifier_service.problems import MEDIA_TYPE, Kind
from verifier_service.wire import (
    LONGEST_NAME,
    ParseRequest,
    ParseResponse,
    Problem,
    ScoreRequest,
    ScoreResponse,
)
from verifier_service.wires import ERRANDS, WIRES, Errand, Wire
from verifier_service.wires.types import RUN, SETTINGS

_SCHEMAS: Final = "#/components/schemas/"
_Mode: TypeAlias = Literal["validation", "serialization"]
_Body: TypeAlias = tuple[str, _Mode, TypeAdapter[Any]]

_SUBMITTED: Final = (
    Kind.NOT_JSON,
    Kind.BODY_TIMEOUT,
    Kind.BODY_TOO_LARGE,
    Kind.TOO_MANY_COMPLETIONS,
    Kind.UNSUPPORTED_MEDIA_TYPE,
    Kind.VALIDATION,
    Kind.UNPROCESSABLE,
    Kind.QUEUE_FULL,
    Kind.NOT_READY,
    Kind.DRAINING,
    Kind.WORKER_FAILURE,
)
"""What can go wrong with a request that carries a body."""

_LOOKED_UP: Final = {
    "/healthz": (Kind.NOT_READY,),
    "/readyz": (Kind.NOT_READY, Kind.DRAINING),
    "/toolsets/{name}": (Kind.NOT_FOUND,),
}
"""What can go wrong with a request that asks for something."""

_HEADERS: Final[dict[int, dict[str, Json]]] = {
    401: {"WWW-Authenticate": {"schema": {"type": "string"}}},
    429: {"Retry-After": {"description": "Seconds.", "schema": {"type": "integer"}}},
    503: {"Retry-After": {"description": "Seconds.", "schema": {"type": "integer"}}},
}


def document(app: FastAPI, catalog: Catalog, *, secured: bool) -> dict[str, Json]:
    """The whole document.

    Args:
        catalog: Names that are loaded: a request that names another one is refused.
        secured: Whether keys are required.
    """
    made = get_openapi(
        title=app.title,
        version=app.version,
        summary=app.summary,
        description=app.description,
        routes=app.routes,
    )
    wires, trainers = _wires()
    made["paths"] = {**_submissions(), **wires, **made["paths"]}
    made["components"] = {"schemas": _schemas(made, trainers)}
    _list_names(made["components"]["schemas"], catalog)
    for path, operations in made["paths"].items():
        for operation in operations.values():
            _complete(operation, path, secured=secured)
    if secured:
        made["components"]["securitySchemes"] = {
            "bearer": {"type": "http", "scheme": "bearer"},
            "basic": {"type": "http", "scheme": "basic", "description": "The key as password."},
        }
    return made


def _submissions() -> dict[str, Json]:
    return {
        "/score": _submission("score", "Score a batch of completions", ScoreRequest, ScoreResponse),
        "/parse": _submission(
            "parse", "Read completions without scoring them", ParseRequest, ParseResponse
        ),
    }


def _wire(wire: Wire, path: str, schemas: Mapping[tuple[str, _Mode], Json]) -> dict[str, Json]:
    """A trainer's wire: its own words, and the parameters of its URL."""
    defaults = {**dict.fromkeys(SETTINGS, _NAME), RUN: _RUN}
    own = {name: {"enum": list(values)} for name, values in wire.parameters.items()}
    return {
        "post": {
            "operationId": _operation(wire, path),
            "summary": wire.summary,
            "description": sys.modules[wire.read.__module__].__doc__,
            "tags": ["trainers"],
            "parameters": [
                {"name": name, "in": "query", "schema": schema}
                for name, schema in {**defaults, **own}.items()
            ],
            "requestBody": {
                "required": True,
                "content": _content(schemas[wire.name, "validation"]),
            },
            "responses": {
                "200": {
                    "description": "Done.",
                    "content": _content(schemas[wire.name, "serialization"]),
                }
            },
        }
    }


def _errand(errand: Errand, path: str, schemas: Mapping[tuple[str, _Mode], Json]) -> Json:
    """What a trainer asks besides rewards."""
    named = {**dict.fromkeys(SETTINGS, _NAME), RUN: _RUN} if errand.settings else {}
    places = dict.fromkeys(named, "query")
    if "{tail}" in path:
        named["tail"], places["tail"] = _NAME, "path"
    answers = {"200": ("Done.", schemas[errand.name, "serialization"])}
    for status in errand.error_statuses:
        refusal = schemas[f"{errand.name}_error", "serialization"]
        answers[str(status)] = ("There is no result, and the model may read why.", refusal)
    return {
        "post": {
            "operationId": _operation(errand, path),
            "summary": errand.summary,
            "tags": ["trainers"],
            "parameters": [
                {"name": name, "in": place, "required": place == "path", "schema": named[name]}
                for name, place in places.items()
            ],
            "requestBody": {
                "required": True,
                "content": _content(schemas[errand.name, "validation"]),
            },
            "responses": {
                status: {"description": said, "content": _content(schema)}
                for status, (said, schema) in answers.items()
            },
        }
    }


def _operation(row: Wire | Errand, path: str) -> str:
    """An id of its own for each path of a row."""
    index = row.paths.index(path)
    return row.name if index == 0 else f"{row.name}_{index + 1}"


_NAME: Final = {"type": "string", "minLength": 1}
_RUN: Final = {**_NAME, "maxLength": LONGEST_NAME}


def _submission(
    name: str, summary: str, asks: type[BaseModel], answers: type[BaseModel]
) -> dict[str, Json]:
    return {
        "post": {
            "operationId": name,
            "summary": summary,
            "tags": ["scoring"],
            "requestBody": {"required": True, "content": _json(asks)},
            "responses": {"200": {"description": "Done.", "content": _json(answers)}},
        }
    }


def _json(model: type[BaseModel]) -> dict[str, Json]:
    return _content({"$ref": _SCHEMAS + model.__name__})


def _content(schema: Json) -> dict[str, Json]:
    return {"application/json": {"schema": schema}}


def _wires() -> tuple[dict[str, Json], dict[str, Json]]:
    """The paths of all trainers' wires, and the schemas that they refer to."""
    bodies: list[_Body] = [
        *((wire.name, "validation", TypeAdapter(wire.request)) for wire in WIRES.values()),
        *((wire.name, "serialization", TypeAdapter(wire.answer)) for wire in WIRES.values()),
    ]
    for errand in ERRANDS.values():
        bodies.append((errand.name, "validation", TypeAdapter(errand.request)))
        bodies.append((errand.name, "serialization", TypeAdapter(errand.answer)))
        if errand.errors is not None:
            bodies.append((f"{errand.name}_error", "serialization", TypeAdapter(errand.errors)))
    schemas, shared = TypeAdapter.json_schemas(bodies, ref_template=_SCHEMAS + "{model}")
    paths = {path: _wire(wire, path, schemas) for wire in WIRES.values() for path in wire.paths}
    paths |= {path: _errand(one, path, schemas) for one in ERRANDS.values() for path in one.paths}
    return paths, shared["$defs"]


def _schemas(made: dict[str, Json], trainers: dict[str, Json]) -> dict[str, Json]:
    """Schemas of every model, without those of FastAPI's own errors, which never occur."""
    _, wire = models_json_schema(
        [
            (ScoreRequest, "validation"),
            (ParseRequest, "validation"),
            (ScoreResponse, "serialization"),
            (ParseResponse, "serialization"),
            (Problem, "serialization"),
        ],
        ref_template=_SCHEMAS + "{model}",
    )
    found = {**made.get("components", {}).get("schemas", {}), **trainers, **wire["$defs"]}
    return {
        name: schema
        for name, schema in sorted(found.items())
        if name not in {"HTTPValidationError", "ValidationError"}
    }


def _list_names(schemas: dict[str, Json], catalog: Catalog) -> None:
    """Say which names a request may hold; an item with another one is only not scored itself."""
    languages = {"properties": {"languages": {"items": {"enum": list(catalog.languages)}}}}
    for model in (ScoreRequest, ParseRequest):
        fields = schemas[model.__name__]["properties"]
        fields["toolset"]["anyOf"][0]["enum"] = list(catalog.toolset_references)
        fields["format"]["enum"] = list(catalog.formats)
        options = fields["options"]["anyOf"]
        options[0] = {"allOf": [options[0], languages]}
    schemas[ScoreRequest.__name__]["properties"]["profile"]["enum"] = sorted(catalog.profiles)


def _complete(operation: dict[str, Json], path: str, *, secured: bool) -> None:
    """Add the problems that an operation may answer with, and the keys that it asks for."""
    responses = operation["responses"]
    submitted = "requestBody" in operation
    if not submitted:
        responses.pop("422", None)
    kinds = [*(_SUBMITTED if submitted else _LOOKED_UP.get(path, ())), Kind.INTERNAL]
    if "trainers" in operation["tags"]:
        kinds += [Kind.BAD_REQUEST, Kind.INVALID_TASK, Kind.UNSCORED]
    if secured and path not in OPEN_PATHS:
        operation["security"] = [{"bearer": []}, {"basic": []}]
        kinds.append(Kind.UNAUTHORIZED)
    for status in sorted({kind.status for kind in kinds}):
        described = _problems(kind for kind in kinds if kind.status == status)
        described["content"] |= responses.get(str(status), {}).get("content", {})
        responses[str(status)] = described


def _problems(kinds: Iterable[Kind]) -> dict[str, Json]:
    described = list(kinds)
    response: dict[str, Json] = {
        "description": " ".join(f"{kind.title} (`{kind.slug}`)." for kind in described),
        "content": {MEDIA_TYPE: {"schema": {"$ref": _SCHEMAS + "Problem"}}},
    }
    if headers := _HEADERS.get(described[0].status):
        response["headers"] = headers
    return response
