"""The API of the user's own tokens."""

from __future__ import annotations

from typing import Literal, TypedDict, cast

from django.contrib.auth.models import User
from django.db.models import QuerySet
from django.shortcuts import get_object_or_404
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.generics import GenericAPIView
from rest_framework.request import Request
from rest_framework.response import Response

from hsi.api.inputs import Input, checked
from hsi.api.openapi import Page
from hsi.models import ApiToken
from hsi.policies import Account
from hsi.security.tokens import MAX_DAYS, SCOPES, create_token, revoke
from hsi.times import iso

Scope = Literal["read", "write", "ingest", "admin"]


class TokenData(TypedDict):
    """A token without its text, which is shown once when the token is created."""

    id: int
    name: str
    prefix: str
    scopes: list[Scope]
    created_at: str
    expires_at: str | None
    last_used_at: str | None
    revoked_at: str | None


class NewTokenData(TokenData):
    """A new token. `token` is its text, which cannot be shown again."""

    token: str


class TokenRequestSerializer(Input):
    name = serializers.CharField(max_length=80, help_text="Name that shows what the token is for.")
    scopes = serializers.MultipleChoiceField(choices=SCOPES, allow_empty=False)
    days = serializers.IntegerField(
        required=False,
        allow_null=True,
        min_value=1,
        max_value=MAX_DAYS,
        help_text="Days until the token expires. Without a value it never expires.",
    )


def token_data(token: ApiToken) -> TokenData:
    return {
        "id": token.pk,
        "name": token.name,
        "prefix": token.prefix,
        "scopes": token.scopes,
        "created_at": iso(token.created_at),
        "expires_at": iso(token.expires_at),
        "last_used_at": iso(token.last_used_at),
        "revoked_at": iso(token.revoked_at),
    }


class TokenView(GenericAPIView[ApiToken]):
    subject = Account

    def get_queryset(self) -> QuerySet[ApiToken]:
        return ApiToken.objects.filter(user=self.request.user.pk)


class Tokens(TokenView):
    posting = "add"

    @extend_schema(summary="List your tokens", responses=Page[TokenData])
    def get(self, request: Request) -> Response:
        page = self.paginate_queryset(self.filter_queryset(self.get_queryset())) or []
        return self.get_paginated_response([token_data(token) for token in page])

    @extend_schema(summary="Create a token", request=TokenRequestSerializer, responses={201: NewTokenData})
    def post(self, request: Request) -> Response:
        given = checked(TokenRequestSerializer, request)
        scopes = sorted(given["scopes"], key=SCOPES.index)
        token, text = create_token(cast(User, request.user), given["name"], scopes, given.get("days"))
        answer: NewTokenData = {**token_data(token), "token": text}
        return Response(answer, status=201, headers={"Cache-Control": "no-store"})


class OneToken(TokenView):
    @extend_schema(summary="Revoke a token", responses={204: None})
    def delete(self, request: Request, pk: int) -> Response:
        revoke(get_object_or_404(self.get_queryset(), pk=pk))
        return Response(status=204)
