"""The API of alert rules and of their alerts."""

from __future__ import annotations

from typing import TypedDict

import django_filters
from django.db import transaction
from django.db.models import QuerySet
from django.shortcuts import get_object_or_404
from drf_spectacular.utils import extend_schema
from rest_framework.generics import GenericAPIView
from rest_framework.request import Request
from rest_framework.response import Response

from cameras.access import only_visible
from cameras.models import Zone
from events.actions import handle_alert
from events.alerting.matching import facts_of, labels_of_events, mismatches
from events.alerting.serializers import (
    AlertRuleData,
    AlertRuleRequestSerializer,
    rule_data,
    store,
)
from events.models import Alert, AlertRule, Event
from events.serializers import AlertData, alert_data
from hsi import audit
from hsi.api.filters import BIGGEST_ID, TimeFilter, WholeNumberFilter
from hsi.api.idempotency import by_role, found_again, once
from hsi.api.inputs import checked
from hsi.api.openapi import Page
from hsi.http.url_prefix import link

TESTED_EVENTS = 50


class AlertFilters(django_filters.FilterSet):  # type: ignore[misc]
    status = django_filters.ChoiceFilter(choices=Alert.Status.choices)
    severity = django_filters.ChoiceFilter(choices=Event.Level.choices)
    camera = django_filters.CharFilter(field_name="camera_id", max_length=64)
    event = WholeNumberFilter(field_name="event_id", min_value=0, max_value=BIGGEST_ID)
    rule = WholeNumberFilter(field_name="rule_id", min_value=0, max_value=BIGGEST_ID)
    after = TimeFilter(field_name="created_at", lookup_expr="gte")
    before = TimeFilter(field_name="created_at", lookup_expr="lt")


class TriedEventData(TypedDict):
    """Whether a rule matches an event, and the reasons why not."""

    event: int
    matches: bool
    why_not: list[str]


class RuleTestData(TypedDict):
    """The result of a rule for the newest events as they are now. Cool-down windows are ignored."""

    tried: int
    matching: int
    events: list[TriedEventData]


class AlertView(GenericAPIView[Alert]):
    """Alerts of events in the trash are left out until their event is restored."""

    subject = Alert

    def get_queryset(self) -> QuerySet[Alert]:
        return only_visible(Alert.objects.filter(event__deleted_at__isnull=True), self.request.user)


class Alerts(AlertView):
    keyset = "created_at"
    filterset_class = AlertFilters

    @extend_schema(summary="List alerts", responses=Page[AlertData])
    def get(self, request: Request) -> Response:
        page = self.paginate_queryset(self.filter_queryset(self.get_queryset())) or []
        return self.get_paginated_response([alert_data(alert) for alert in page])


class OneAlert(AlertView):
    @extend_schema(summary="Get an alert", responses=AlertData)
    def get(self, request: Request, pk: int) -> Response:
        return Response(alert_data(get_object_or_404(self.get_queryset(), pk=pk)))


class HandleAlert(AlertView):
    """Give an alert the status `status`."""

    status = Alert.Status.ACKNOWLEDGED

    @extend_schema(summary="Acknowledge an alert", request=None, responses={200: AlertData})
    @once(found_again)
    def post(self, request: Request, pk: int) -> Response:
        return self.handled(request, pk)

    def handled(self, request: Request, pk: int) -> Response:
        with transaction.atomic():
            alert = get_object_or_404(self.get_queryset().select_for_update(), pk=pk)
            return Response(handle_alert(alert, self.status, request.user))


class DismissAlert(HandleAlert):
    status = Alert.Status.DISMISSED

    @extend_schema(summary="Dismiss an alert", request=None, responses={200: AlertData})
    @once(found_again)
    def post(self, request: Request, pk: int) -> Response:
        """A dismissed alert sends no more notifications."""
        return self.handled(request, pk)


class RuleView(GenericAPIView[AlertRule]):
    subject = AlertRule

    def get_queryset(self) -> QuerySet[AlertRule]:
        return AlertRule.objects.prefetch_related("channels")

    def stored(self, rule: AlertRule, request: Request, *, partial: bool) -> AlertRuleData:
        """Raises `ValidationError`."""
        store(rule, checked(AlertRuleRequestSerializer, request, partial=partial))
        return rule_data(self.get_queryset().get(pk=rule.pk))


class Rules(RuleView):
    posting = "add"

    @extend_schema(summary="List alert rules", responses=Page[AlertRuleData])
    def get(self, request: Request) -> Response:
        page = self.paginate_queryset(self.filter_queryset(self.get_queryset())) or []
        return self.get_paginated_response([rule_data(rule) for rule in page])

    @extend_schema(summary="Create an alert rule", request=AlertRuleRequestSerializer, responses={201: AlertRuleData})
    @once(by_role)
    def post(self, request: Request) -> Response:
        with transaction.atomic():
            created = self.stored(AlertRule(), request, partial=False)
            audit.record("alert_rule_created", f"alert rule {created['id']}", after=created)
        return Response(created, status=201, headers={"Location": link(f"/api/alert-rules/{created['id']}")})


class OneRule(RuleView):
    @extend_schema(summary="Get an alert rule", responses=AlertRuleData)
    def get(self, request: Request, pk: int) -> Response:
        return Response(rule_data(get_object_or_404(self.get_queryset(), pk=pk)))

    @extend_schema(summary="Change an alert rule", request=AlertRuleRequestSerializer, responses=AlertRuleData)
    def patch(self, request: Request, pk: int) -> Response:
        with transaction.atomic():
            rule = get_object_or_404(self.get_queryset().select_for_update(), pk=pk)
            before = rule_data(rule)
            after = self.stored(rule, request, partial=True)
            if after != before:
                audit.record("alert_rule_changed", f"alert rule {pk}", before=before, after=after)
        return Response(after)

    @extend_schema(summary="Delete an alert rule", responses={204: None})
    def delete(self, request: Request, pk: int) -> Response:
        """The alerts of the rule stay."""
        with transaction.atomic():
            rule = get_object_or_404(self.get_queryset().select_for_update(), pk=pk)
            audit.record("alert_rule_deleted", f"alert rule {pk}", before=rule_data(rule))
            rule.delete()
        return Response(status=204)


class TestRule(RuleView):
    @extend_schema(summary="Test an alert rule on the newest events", request=None, responses={200: RuleTestData})
    def post(self, request: Request, pk: int) -> Response:
        """Create and send nothing. A disabled rule is tested as if it were enabled."""
        rule = get_object_or_404(self.get_queryset(), pk=pk)
        return Response(try_rule(rule))


def try_rule(rule: AlertRule) -> RuleTestData:
    newest = list(Event.objects.order_by("-started_at", "-id").prefetch_related("tracks")[:TESTED_EVENTS])
    labels = labels_of_events(event.pk for event in newest)
    names = dict(Zone.objects.filter(pk__in=rule.zones).values_list("pk", "name"))
    reasons = {
        event.pk: mismatches(rule, facts_of(event, labels.get(event.pk, []), event.tracks.all()), names)
        for event in newest
    }
    events: list[TriedEventData] = [{"event": pk, "matches": not why, "why_not": why} for pk, why in reasons.items()]
    return {"tried": len(events), "matching": sum(event["matches"] for event in events), "events": events}
