"""Alert rules and alerts in the admin."""

from __future__ import annotations

from typing import Any

from django import forms
from django.contrib import admin
from django.db import transaction
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils.html import format_html
from django.utils.safestring import SafeString

from cameras.admin_visible import CameraFilter, VisibleRows
from cameras.models import Camera
from events.alerting.handling import handle
from events.alerting.schedule import DAYS
from events.models import Alert, AlertRule, Event
from hsi.admin_base import HSIAdmin, badge

TONES = {"low": "good", "medium": "warn", "high": "bad", "critical": "bad"}


class WordsField(forms.CharField):
    """A list of words with commas between them."""

    def prepare_value(self, value: Any) -> Any:
        return ", ".join(map(str, value)) if isinstance(value, list) else value

    def clean(self, value: Any) -> Any:
        return list(dict.fromkeys(word for part in super().clean(value).split(",") if (word := part.strip())))


class AlertRuleForm(forms.ModelForm):  # type: ignore[type-arg]  # not subscriptable at run time
    labels = WordsField(required=False, help_text="What must have been seen: any of these, as in person, car.")
    cameras = forms.MultipleChoiceField(
        required=False, widget=forms.CheckboxSelectMultiple, help_text="None chosen: all cameras."
    )
    schedule_days = forms.MultipleChoiceField(
        required=False,
        choices=[(day, day.title()) for day in DAYS],
        widget=forms.CheckboxSelectMultiple,
        help_text="None chosen: every day.",
    )

    class Meta:
        model = AlertRule
        fields = (
            "name", "enabled", "severity", "min_risk", "labels", "min_confidence", "cameras",
            "schedule_days", "schedule_start", "schedule_end", "schedule_timezone",
            "cooldown_seconds", "dedup_key", "channels",
        )  # fmt: skip
        widgets = {"channels": forms.CheckboxSelectMultiple}

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        field: Any = self.fields["cameras"]
        gone = [(one, f"{one} (gone)") for one in self.instance.cameras]
        field.choices = list(dict([*gone, *Camera.objects.values_list("pk", "name")]).items())

    def clean(self) -> dict[str, Any]:
        values: dict[str, Any] = super().clean() or {}
        if (values.get("schedule_start") is None) != (values.get("schedule_end") is None):
            raise forms.ValidationError("A schedule needs both a start and an end.")
        return values


@admin.register(AlertRule)
class AlertRuleAdmin(HSIAdmin):
    form = AlertRuleForm
    list_display = ("name", "enabled", "severity", "min_risk", "asks_for", "cooldown_seconds")
    list_filter = ("enabled", "severity")
    search_fields = ("name",)
    ordering = ("id",)

    @admin.display(description="asks for")
    def asks_for(self, rule: AlertRule) -> str:
        parts = [", ".join(rule.labels) or "anything", f"at {', '.join(rule.cameras)}" if rule.cameras else ""]
        if rule.schedule_start and rule.schedule_end:
            parts.append(f"{rule.schedule_start:%H:%M} to {rule.schedule_end:%H:%M}")
        return " ".join(filter(None, parts))


@admin.register(Alert)
class AlertAdmin(VisibleRows):
    """Made by rules. A person acknowledges or dismisses them."""

    list_display = ("id", "level", "state", "camera", "rule", "event_link", "created_at", "handled_by")
    list_filter = ("status", "severity", ("camera", CameraFilter), "created_at")
    list_select_related = ("camera", "rule")
    ordering = ("-created_at", "-id")
    sortable_by = ("id", "created_at")
    fields = (
        "level", "state", "camera", "rule", "event_link", "handled_by", "dedup_key", "window", "uid",
        "created_at", "updated_at",
    )  # fmt: skip
    readonly_fields = fields
    actions = ("acknowledge", "dismiss")
    states = {"open": "bad", "acknowledged": "good", "dismissed": "calm"}

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    @admin.display(description="severity", ordering="severity")
    def level(self, alert: Alert) -> SafeString:
        return badge(Event.Level(alert.severity).label, TONES[alert.severity])

    @admin.display(description="state", ordering="status")
    def state(self, alert: Alert) -> SafeString:
        return badge(alert.get_status_display(), self.states[alert.status])

    @admin.display(description="event")
    def event_link(self, alert: Alert) -> SafeString:
        return format_html('<a href="/admin/events/event/{}/change/">{}</a>', alert.event_id, alert.event_id)

    @admin.action(description="Acknowledge", permissions=["change"])
    def acknowledge(self, request: HttpRequest, queryset: QuerySet[Alert]) -> None:
        self._handle(request, queryset, Alert.Status.ACKNOWLEDGED)

    @admin.action(description="Dismiss: send no more about them", permissions=["change"])
    def dismiss(self, request: HttpRequest, queryset: QuerySet[Alert]) -> None:
        self._handle(request, queryset, Alert.Status.DISMISSED)

    def _handle(self, request: HttpRequest, queryset: QuerySet[Alert], status: Alert.Status) -> None:
        with transaction.atomic():
            for alert in queryset.order_by("pk").select_for_update(of=("self",)):
                handle(alert, status, request.user)
