"""The API's part of the stream: its description."""

from __future__ import annotations

from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from events.stream.schema import document
from hsi.policies import Common


class StreamSchema(APIView):
    subject = Common

    @extend_schema(summary="Get the messages of the live stream as JSON Schema", responses=OpenApiTypes.OBJECT)
    def get(self, request: Request) -> Response:
        return Response(document())
