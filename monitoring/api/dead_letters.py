"""The API of dead letters: what could not be done, and what a person does about it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, TypedDict

import django_filters
from django.shortcuts import get_object_or_404
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.generics import GenericAPIView
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from hsi import audit
from hsi.api.filters import BIGGEST_ID, TimeFilter
from hsi.api.inputs import Input, checked
from hsi.api.openapi import Page
from hsi.logs.redaction import redact, redact_data
from hsi.models import DeadLetter
from hsi.queues import QUEUE_NAMES, dead_letters
from hsi.times import iso

MOST_IDS = 1_000


class DeadLetterData(TypedDict):
    """A job that could not be done. `row_id` is an upload or a batch, by the queue."""

    id: int
    queue: str
    row_id: int
    state: str
    reason: str
    error_type: str
    error_text: str
    http_status: int | None
    attempts: int
    first_failed_at: str
    last_failed_at: str
    created_at: str
    resolved_at: str | None
    resolved_by: str


class DeadLetterDetailData(DeadLetterData):
    """A dead letter with all that is known of it. Secrets are masked."""

    stack: str
    response_body: str
    failures: list[Any]
    payload: dict[str, Any]


class DeadLetterResultData(TypedDict):
    """What became of one letter. `status` is 200, 404 (no such letter), 409 (it was dealt with before), or 410.

    410: it was to be queued again, its row is gone or finished, and it was discarded instead.
    """

    id: int
    status: int
    state: str | None


class ResolutionData(TypedDict):
    """What became of all of them. `more`: some that match are left.

    `results` is empty where no ids were named and nothing was left out.
    """

    requeued: int
    discarded: int
    more: bool
    results: list[DeadLetterResultData]


def dead_letter_data(letter: DeadLetter) -> DeadLetterData:
    return {
        "id": letter.pk,
        "queue": letter.queue,
        "row_id": letter.row_id,
        "state": letter.state,
        "reason": letter.reason,
        "error_type": letter.error_type,
        "error_text": redact(letter.error_text),
        "http_status": letter.http_status,
        "attempts": letter.attempts,
        "first_failed_at": iso(letter.first_failed_at),
        "last_failed_at": iso(letter.last_failed_at),
        "created_at": iso(letter.created_at),
        "resolved_at": iso(letter.resolved_at),
        "resolved_by": letter.resolved_by,
    }


def dead_letter_detail_data(letter: DeadLetter) -> DeadLetterDetailData:
    return {
        **dead_letter_data(letter),
        "stack": redact(letter.stack),
        "response_body": redact(letter.response_body),
        "failures": redact_data(letter.failures),
        "payload": redact_data(letter.payload),
    }


class DeadLetterFilters(django_filters.FilterSet):  # type: ignore[misc]
    queue = django_filters.ChoiceFilter(choices=[(name, name) for name in QUEUE_NAMES])
    state = django_filters.ChoiceFilter(choices=DeadLetter.State.choices)
    error = django_filters.CharFilter(field_name="error_type", max_length=120)
    after = TimeFilter(field_name="created_at", lookup_expr="gte")
    before = TimeFilter(field_name="created_at", lookup_expr="lt")


class DeadLetters(GenericAPIView[DeadLetter]):
    subject = DeadLetter
    queryset = DeadLetter.objects.all()
    filterset_class = DeadLetterFilters

    @extend_schema(summary="List dead letters", responses=Page[DeadLetterData])
    def get(self, request: Request) -> Response:
        page = self.paginate_queryset(self.filter_queryset(self.get_queryset())) or []
        return self.get_paginated_response([dead_letter_data(letter) for letter in page])


class OneDeadLetter(APIView):
    subject = DeadLetter

    @extend_schema(summary="Get a dead letter with its attempt history", responses=DeadLetterDetailData)
    def get(self, request: Request, pk: int) -> Response:
        return Response(dead_letter_detail_data(get_object_or_404(DeadLetter, pk=pk)))


class DeadLetterFilterSerializer(Input):
    queue = serializers.ChoiceField(choices=QUEUE_NAMES, required=False)
    error = serializers.CharField(required=False, max_length=120)
    text = serializers.CharField(required=False, max_length=200)


class DeadLetterSelectionSerializer(Input):
    """Which letters: exactly one of `ids`, `filter` and `all`."""

    ids = serializers.ListField(
        child=serializers.IntegerField(min_value=1, max_value=BIGGEST_ID),
        required=False,
        allow_empty=False,
        max_length=MOST_IDS,
    )
    filter = DeadLetterFilterSerializer(required=False)
    all = serializers.BooleanField(required=False)

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        if len(attrs) != 1 or attrs.get("all") is False:
            raise serializers.ValidationError("Exactly one of ids, filter and all says which letters.")
        return attrs


@dataclass(frozen=True, slots=True)
class Verb:
    """What is done about a letter, and what is to become of it by that."""

    one: dead_letters.Resolve
    aim: DeadLetter.State


def resolved(choice: dict[str, Any], verb: Verb) -> ResolutionData:
    """Deal with the letters that a checked `DeadLetterSelectionSerializer` names."""
    by = audit.acting_user()
    if "ids" in choice:
        return _summed([_one(number, verb, by) for number in dict.fromkeys(choice["ids"])], more=False)
    letters = dead_letters.search(**choice.get("filter", {}))
    done = dead_letters.each(verb.one, letters, by)
    return _summed([_result(number, state, verb) for number, state in done.states.items()], more=letters.exists())


def is_complete(answer: ResolutionData) -> bool:
    """Whether all that was asked for was done."""
    return not answer["more"] and all(result["status"] == 200 for result in answer["results"])


class _Resolve(APIView):
    subject = DeadLetter

    def resolve(self, request: Request, verb: Verb) -> Response:
        choice = checked(DeadLetterSelectionSerializer, request)
        answer = resolved(choice, verb)
        if "ids" not in choice and is_complete(answer):
            return Response({**answer, "results": []})
        return Response(answer, status=207)


class Requeue(_Resolve):
    @extend_schema(
        summary="Requeue dead letters",
        request=DeadLetterSelectionSerializer,
        responses={200: ResolutionData, 207: ResolutionData},
    )
    def post(self, request: Request) -> Response:
        """Each row waits again and has a job. A letter whose row is gone or finished is discarded."""
        return self.resolve(request, REQUEUE)


class Discard(_Resolve):
    @extend_schema(
        summary="Discard dead letters",
        request=DeadLetterSelectionSerializer,
        responses={200: ResolutionData, 207: ResolutionData},
    )
    def post(self, request: Request) -> Response:
        """The letters stay, closed; their rows stay failed."""
        return self.resolve(request, DISCARD)


def _one(number: int, verb: Verb, by: str) -> DeadLetterResultData:
    letter = DeadLetter.objects.filter(pk=number).first()
    if letter is None:
        return {"id": number, "status": 404, "state": None}
    if letter.state != DeadLetter.State.OPEN:
        return {"id": number, "status": 409, "state": letter.state}
    return _result(number, verb.one(letter, by), verb)


def _result(number: int, state: DeadLetter.State | None, verb: Verb) -> DeadLetterResultData:
    if state is None:
        return {"id": number, "status": 409, "state": DeadLetter.objects.values_list("state", flat=True).get(pk=number)}
    return {"id": number, "status": 200 if state == verb.aim else 410, "state": state}


def _summed(results: list[DeadLetterResultData], *, more: bool) -> ResolutionData:
    ended = [result["state"] for result in results if result["status"] in (200, 410)]
    return {
        "requeued": ended.count(DeadLetter.State.REQUEUED),
        "discarded": ended.count(DeadLetter.State.DISCARDED),
        "more": more,
        "results": results,
    }


REQUEUE = Verb(dead_letters.requeue, DeadLetter.State.REQUEUED)
DISCARD = Verb(dead_letters.discard, DeadLetter.State.DISCARDED)
