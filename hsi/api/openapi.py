"""Generate the OpenAPI description of the API from `TypedDict` classes.

A view names the type of its response: `@extend_schema(responses=EventData)`, or `Page[EventData]` for a list. Each
type becomes a named component. `json_schema` describes the messages of the stream from the same types.
"""

from __future__ import annotations

import types
from collections.abc import Iterator
from typing import Any, Generic, Literal, TypedDict, TypeVar, Union, get_args, get_origin, get_type_hints

from drf_spectacular.openapi import AutoSchema
from drf_spectacular.plumbing import ComponentRegistry, ResolvedComponent
from drf_spectacular.utils import OpenApiResponse

from hsi.api import idempotency
from hsi.api.inputs import Input

T = TypeVar("T")

PROBLEM_JSON = "application/problem+json"
JSON = {str: "string", int: "integer", float: "number", bool: "boolean", type(None): "null"}
REF = "#/components/schemas/"
# Error responses that every operation may return.
EVERYWHERE = {
    "401": "Authentication is missing, or the token is unknown, expired or revoked.",
    "403": "Forbidden.",
    "406": "No available media type matches the Accept header.",
    "429": "Too many requests. Retry-After has the number of seconds to wait.",
    "503": "The database is unavailable, or the first administrator has not been created.",
}
WITH_INPUT = {"400": "The request is not valid. `errors` has the messages by field."}
WITH_BODY = {"413": "The request body is too large.", "415": "The media type of the body is not supported."}
WORDS = {
    "200": "Success.",
    "201": "Created.",
    "202": "Accepted for processing.",
    "204": "No content.",
    "206": "The requested range.",
    "207": "One result per item.",
    "304": "Not modified.",
    "409": "The object is in a state that does not allow this.",
    "416": "Range not satisfiable.",
    "422": "The content cannot be processed.",
    **EVERYWHERE,
}
WITH_PATH = {"404": "The requested object does not exist, or you may not see it."}


class _Problem(TypedDict):
    type: str
    title: str
    status: int
    code: str
    detail: str
    request_id: str


class Problem(_Problem, total=False):
    """An error as in RFC 9457. `code` is stable, `detail` is for people, `errors` has the messages by field."""

    errors: dict[str, Any]


class Page(TypedDict, Generic[T]):
    """One page of a list. `next_cursor` is the cursor of the next page, null on the last one."""

    items: list[T]
    next_cursor: str | None
    has_more: bool


def conflicts(words: str) -> dict[int, OpenApiResponse]:
    """Describe the 409 response of an operation for `extend_schema`."""
    return {409: OpenApiResponse(Problem, description=words)}


def is_shape(hint: Any) -> bool:
    """Return whether `hint` is a `TypedDict` or a parametrised generic `TypedDict`."""
    return isinstance(get_origin(hint) or hint, type) and hasattr(get_origin(hint) or hint, "__required_keys__")


def shape_name(hint: Any) -> str:
    """Return the component name of `hint`: `Event` for `EventData`, `EventPage` for `Page[EventData]`."""
    inner = "".join(shape_name(argument) for argument in get_args(hint) if is_shape(argument))
    own: str = (get_origin(hint) or hint).__name__
    return inner + own.removesuffix("Data")


def json_schema(hint: Any, components: dict[str, Any], ref: str = REF) -> dict[str, Any]:
    """Return the JSON Schema (2020-12, as in OpenAPI 3.1) of a type hint. Add each `TypedDict` to `components`."""
    origin, arguments = get_origin(hint), get_args(hint)
    if is_shape(hint):
        name = shape_name(hint)
        if name not in components:
            components[name] = {}  # a type may refer to itself
            components[name] = _object(hint, components, ref)
        return {"$ref": f"{ref}{name}"}
    if hint in JSON:
        return {"type": JSON[hint]}
    if origin is Literal:
        return {"type": JSON[type(arguments[0])], "enum": list(arguments)}
    if origin is list:
        return {"type": "array", "items": json_schema(arguments[0], components, ref)}
    if origin is dict:
        return {"type": "object", "additionalProperties": json_schema(arguments[1], components, ref)}
    if origin in (Union, types.UnionType):
        return {"anyOf": [json_schema(argument, components, ref) for argument in arguments]}
    if hint is Any:
        return {}
    raise TypeError(f"{hint!r} has no JSON Schema")


def _object(hint: Any, components: dict[str, Any], ref: str) -> dict[str, Any]:
    origin = get_origin(hint) or hint
    filled = dict(zip(getattr(origin, "__parameters__", ()), get_args(hint), strict=False))
    properties = {
        name: json_schema(_filled(one, filled), components, ref) for name, one in get_type_hints(origin).items()
    }
    words = " ".join((origin.__doc__ or "").split())
    return {
        "type": "object",
        "properties": properties,
        "required": sorted(origin.__required_keys__),
        **({"description": words} if words else {}),
    }


def _filled(hint: Any, filled: dict[Any, Any]) -> Any:
    if get_origin(hint) is list and get_args(hint)[0] in filled:
        return list[filled[get_args(hint)[0]]]  # type: ignore[misc]  # made at run time
    return filled.get(hint, hint)


class Schema(AutoSchema):
    """Add response types given as `TypedDict`, and the error responses of every operation."""

    registry: ComponentRegistry

    def _is_list_view(self, serializer: Any = None) -> bool:
        answer = self.get_response_serializers() if serializer is None else serializer
        if is_shape(answer):
            return get_origin(answer) is Page
        return bool(super()._is_list_view(serializer))

    def _get_response_bodies(self, direction: Any = "response") -> dict[str, Any]:
        answer = self.get_response_serializers()
        if is_shape(answer):
            status = "201" if self._is_create_operation() else "200"
            bodies = {status: self._answer(answer, status)}
        else:
            bodies = super()._get_response_bodies(direction)
        problem = {PROBLEM_JSON: {"schema": self._shape(Problem)}}
        return bodies | {
            status: {"description": words, "content": problem}
            for status, words in self._problems()
            if status not in bodies
        }

    def get_override_parameters(self) -> list[Any]:
        """Add the Idempotency-Key header to the parameters that a view declares."""
        return [idempotency.PARAMETER] if self._heeds_key() else []

    def _heeds_key(self) -> bool:
        handler = getattr(self.view, self.method.lower(), None)
        return hasattr(handler, "heeds_idempotency_key")

    def _problems(self) -> Iterator[tuple[str, str]]:
        yield from EVERYWHERE.items()
        if self._heeds_key():
            yield "409", "A request with this Idempotency-Key is in progress."
            yield "422", "The Idempotency-Key was used for a different request."
        has_body = self.method in ("POST", "PUT", "PATCH")
        if has_body or self._get_parameters():
            yield from WITH_INPUT.items()
        if has_body:
            yield from WITH_BODY.items()
        if "{" in self.path:
            yield from WITH_PATH.items()

    def _get_response_for_code(
        self, serializer: Any, status_code: str, media_types: Any = None, direction: Any = "response"
    ) -> dict[str, Any]:
        if is_shape(serializer) or get_origin(serializer) is list:
            return self._answer(serializer, status_code)
        if isinstance(serializer, OpenApiResponse) and is_shape(serializer.response):
            return self._answer(serializer.response, status_code) | {"description": serializer.description}
        answer: dict[str, Any] = super()._get_response_for_code(  # type: ignore[no-untyped-call]
            serializer, status_code, media_types, direction
        )
        return answer

    def _answer(self, hint: Any, status: str) -> dict[str, Any]:
        media_type = PROBLEM_JSON if hint is Problem else "application/json"
        return {"description": WORDS.get(status, ""), "content": {media_type: {"schema": self._shape(hint)}}}

    def _shape(self, hint: Any) -> dict[str, Any]:
        components: dict[str, Any] = {}
        schema = json_schema(hint, components)
        for name, content in components.items():
            component = ResolvedComponent(name, ResolvedComponent.SCHEMA, schema=content, object=name)  # type: ignore[no-untyped-call]
            self.registry.register_on_missing(component)
            if self.registry[component].schema != content:
                raise TypeError(f"two types are called {name}")
        return schema

    def _map_basic_serializer(self, serializer: Any, direction: Any) -> dict[str, Any]:
        schema: dict[str, Any] = super()._map_basic_serializer(serializer, direction)  # type: ignore[no-untyped-call]
        return schema | {"additionalProperties": False} if isinstance(serializer, Input) else schema
