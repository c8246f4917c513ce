"""The browsable API for signed-in users: each response as a page, with forms for changes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from rest_framework.metadata import BaseMetadata
from rest_framework.negotiation import DefaultContentNegotiation
from rest_framework.renderers import BaseRenderer, BrowsableAPIRenderer
from rest_framework.serializers import BaseSerializer
from rest_framework.utils.serializer_helpers import ReturnDict

from hsi.api.inputs import Nothing
from hsi.http.request_state import state_of

if TYPE_CHECKING:  # the framework imports this module while it sets itself up
    from rest_framework.request import Request
    from rest_framework.views import APIView


class PageRenderer(BrowsableAPIRenderer):
    """Render pages of the framework with forms for the input that each method declares."""

    template = "hsi/api.html"

    def get_rendered_html_form(self, data: Any, view: APIView, method: str, request: Request) -> Any:
        return super().get_rendered_html_form(_prepared(data, view, method), view, method, request)

    def get_raw_data_form(self, data: Any, view: APIView, method: str, request: Request) -> Any:
        return super().get_raw_data_form(_prepared(data, view, method), view, method, request)


class Negotiation(DefaultContentNegotiation):
    """Serve pages to sessions only. A client with a token never gets a page, independent of its Accept header."""

    def select_renderer(  # type: ignore[override]
        self, request: Request, renderers: Sequence[BaseRenderer], format_suffix: str | None = None
    ) -> tuple[BaseRenderer, str]:
        if state_of(request._request).token is not None:
            renderers = [renderer for renderer in renderers if not isinstance(renderer, BrowsableAPIRenderer)]
        chosen: tuple[BaseRenderer, str] = super().select_renderer(request, renderers, format_suffix)
        return chosen


class Methods(BaseMetadata):
    """Answer OPTIONS with the allowed methods. The API description has everything else."""

    def determine_metadata(self, request: Request, view: APIView) -> dict[str, Any]:
        return {"name": view.get_view_name(), "methods": view.allowed_methods}


def taken_by(view: APIView, method: str) -> type[BaseSerializer[Any]]:
    """Return the request type that `extend_schema` declares for a method."""
    described = getattr(getattr(view, method.lower(), None), "kwargs", {}).get("schema")
    taken = None
    if described:
        schema = described()
        schema.view, schema.method = view, method
        taken = schema.get_request_serializer()
    if isinstance(taken, Mapping):
        taken = next(iter(taken.values()), None)
    return taken if isinstance(taken, type) and issubclass(taken, BaseSerializer) else Nothing


def _prepared(data: Any, view: APIView, method: str) -> Any:
    """Prepare the form of `method`. A form that changes an object starts with its current values."""
    kind = taken_by(view, method)
    view.serializer_class = kind  # type: ignore[attr-defined]  # where the framework looks for it
    if method in ("PUT", "PATCH") and isinstance(data, Mapping):
        return ReturnDict(data, serializer=kind(data))
    return data
