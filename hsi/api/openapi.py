"""The OpenAPI description of the API. What a view answers is a `TypedDict`, beside the function that fills it.

`@extend_schema(responses=EventData)` names the shape of an answer, `Page[EventData]` that of a list. Shapes become
named components; the stream's messages are described by the same shapes (`json_schema`).
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
# What every operation may answer beside what it is for.
EVERYWHERE = {
    "401": "Not signed in, or the token is unknown, expired or revoked.",
    "403": "Not allowed.",
    "406": "What Accept asks for is not to be had.",
    "429": "Too many requests; Retry-After says when to come again.",
    "503": "The database is away, or the system is not set up yet.",
}
WITH_INPUT = {"400": "Something in the request is not valid; errors says what, by field."}
WITH_BODY = {"413": "The body is too large.", "415": "The body is of a type that is not understood."}
WORDS = {
    "200": "As asked for.",
    "201": "Made.",
    "202": "Will be done.",
    "204": "Done; there is nothing to say.",
    "206": "The range that was asked for.",
    "207": "What became of each.",
    "304": "You have it already.",
    "409": "It is not in a state in which that can be done.",
    "416": "There are no such bytes.",
    "422": "What was sent cannot be used.",
    **EVERYWHERE,
}
WITH_PATH = {"404": "There is nothing here, or nothing you may see."}


class _Problem(TypedDict):
    type: str
    title: str
    status: int
    code: str
    detail: str
    request_id: str


class Problem(_Problem, total=False):
    """An error, as RFC 9457 has it. `code` is stable, `detail` is for people, `errors` are by field."""

    errors: dict[str, Any]


class Page(TypedDict, Generic[T]):
    """A part of a list. `next_cursor` leads to the next part, null at the end."""

    items: list[T]
    next_cursor: str | None
    has_more: bool


def conflicts(words: str) -> dict[int, OpenApiResponse]:
    """The answer 409, for `extend_schema`, with what it means here."""
    return {409: OpenApiResponse(Problem, description=words)}


def is_shape(hint: Any) -> bool:
    """Whether `hint` is a `TypedDict`, or one with its parameters filled in."""
    return isinstance(get_origin(hint) or hint, type) and hasattr(get_origin(hint) or hint, "__required_keys__")


def shape_name(hint: Any) -> str:
    """`EventData` is `Event`, `Page[EventData]` is `EventPage`."""
    inner = "".join(shape_name(argument) for argument in get_args(hint) if is_shape(argument))
    own: str = (get_origin(hint) or hint).__name__
    return inner + own.removesuffix("Data")


def json_schema(hint: Any, components: dict[str, Any], ref: str = REF) -> dict[str, Any]:
    """JSON Schema (2020-12, as in OpenAPI 3.1) of a type hint. Shapes go to `components`, and are referred to."""
    origin, arguments = get_origin(hint), get_args(hint)
    if is_shape(hint):
        name = shape_name(hint)
        if name not in components:
            components[name] = {}  # a shape may hold itself
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
    """Adds our shapes, and the problems that every operation may answer."""

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
        """Beside the parameters that a view names itself."""
        return [idempotency.PARAMETER] if self._heeds_key() else []

    def _heeds_key(self) -> bool:
        handler = getattr(self.view, self.method.lower(), None)
        return hasattr(handler, "heeds_idempotency_key")

    def _problems(self) -> Iterator[tuple[str, str]]:
        yield from EVERYWHERE.items()
        if self._heeds_key():
            yield "409", "A request with this Idempotency-Key is being worked on."
            yield "422", "The Idempotency-Key was sent before with another request."
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
                raise TypeError(f"two shapes are called {name}")
        return schema

    def _map_basic_serializer(self, serializer: Any, direction: Any) -> dict[str, Any]:
        schema: dict[str, Any] = super()._map_basic_serializer(serializer, direction)  # type: ignore[no-untyped-call]
        return schema | {"additionalProperties": False} if isinstance(serializer, Input) else schema
