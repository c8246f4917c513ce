"""Alert rules and alerts in the admin."""

from __future__ import annotations

from typing import Any

from django import forms
from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest
from django.urls import reverse
from django.utils.html import format_html
from django.utils.safestring import SafeString
from unfold.widgets import UnfoldAdminCheckboxSelectMultipleWidget, UnfoldAdminTextInputWidget

from cameras.models import Camera, Zone
from events.actions import handle_alert
from events.alerting.schedule import DAYS
from events.models import Alert, AlertRule, Event
from events.severity import TONES
from hsi.admin.base import HSIAdmin, MachineAdmin, VisibleChoices, badge, shortened, thumbnail
from hsi.http.url_prefix import link
from hsi.security import policy


class CommaSeparatedField(forms.CharField):
    """A list of words, separated by commas."""

    widget = UnfoldAdminTextInputWidget

    def prepare_value(self, value: Any) -> Any:
        return ", ".join(map(str, value)) if isinstance(value, list) else value

    def clean(self, value: Any) -> Any:
        return list(dict.fromkeys(word for part in super().clean(value).split(",") if (word := part.strip())))


class AlertRuleForm(forms.ModelForm):  # type: ignore[type-arg]  # not subscriptable at run time
    labels = CommaSeparatedField(
        required=False, help_text="Labels, separated by commas, such as person, car. One of them must be detected."
    )
    cameras = forms.MultipleChoiceField(
        required=False, widget=UnfoldAdminCheckboxSelectMultipleWidget, help_text="Leave empty for all cameras."
    )
    zones = forms.MultipleChoiceField(
        required=False,
        widget=UnfoldAdminCheckboxSelectMultipleWidget,
        help_text="The detection must be in one of these zones. Leave empty for everywhere.",
    )
    schedule_days = forms.MultipleChoiceField(
        required=False,
        choices=[(day, day.title()) for day in DAYS],
        widget=UnfoldAdminCheckboxSelectMultipleWidget,
        help_text="Leave empty for every day.",
    )

    class Meta:
        model = AlertRule
        fields = (
            "name", "enabled", "severity", "min_risk", "labels", "min_confidence", "cameras", "zones",
            "min_stay_seconds", "crossing", "min_people",
            "schedule_days", "schedule_start", "schedule_end", "schedule_timezone",
            "cooldown_seconds", "dedup_key", "channels",
        )  # fmt: skip
        widgets = {"channels": UnfoldAdminCheckboxSelectMultipleWidget}

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        zones = Zone.objects.order_by("camera", "name").values_list("pk", "name", "camera__name")
        self._offer("cameras", dict(Camera.objects.order_by("name").values_list("pk", "name")))
        self._offer("zones", {pk: f"{name} ({camera})" for pk, name, camera in zones})

    def _offer(self, name: str, existing: dict[str, str]) -> None:
        """Offer the existing choices, and those of the rule that no longer exist."""
        field: Any = self.fields[name]
        field.choices = list(({value: f"{value} (gone)" for value in getattr(self.instance, name)} | existing).items())

    def clean(self) -> dict[str, Any]:
        values: dict[str, Any] = super().clean() or {}
        if (values.get("schedule_start") is None) != (values.get("schedule_end") is None):
            raise forms.ValidationError("A schedule needs both a start and an end.")
        return values


@admin.register(AlertRule)
class AlertRuleAdmin(HSIAdmin):
    form = AlertRuleForm
    list_display = ("name", "enabled", "severity", "min_risk", "conditions", "cooldown_seconds")
    fieldsets = (
        (None, {"fields": ("name", "enabled")}),
        ("Which events", {"fields": ("severity", "min_risk", "labels", "min_confidence", "cameras", "zones")}),
        ("What objects did", {"fields": ("min_stay_seconds", "crossing", "min_people")}),
        ("When", {"fields": ("schedule_days", "schedule_start", "schedule_end", "schedule_timezone")}),
        ("Notifications", {"fields": ("channels", "cooldown_seconds", "dedup_key")}),
    )
    list_filter = ("enabled", "severity")
    search_fields = ("name",)
    ordering = ("id",)

    @admin.display(description="conditions")
    def conditions(self, rule: AlertRule) -> str:
        parts = [", ".join(rule.labels) or "anything", f"at {', '.join(rule.cameras)}" if rule.cameras else ""]
        if rule.zones:
            parts.append(f"in {', '.join(rule.zones)}")
        if rule.min_stay_seconds:
            parts.append(f"for {rule.min_stay_seconds} s")
        if rule.crossing != AlertRule.Crossing.NONE:
            parts.append(rule.get_crossing_display())
        if rule.min_people:
            parts.append(f"{rule.min_people} people at once")
        if rule.schedule_start and rule.schedule_end:
            parts.append(f"{rule.schedule_start:%H:%M} to {rule.schedule_end:%H:%M}")
        return " ".join(filter(None, parts))


@admin.register(Alert)
class AlertAdmin(MachineAdmin):
    """Alerts are made by rules. A person acknowledges or dismisses several here, or one on the page of its event."""

    list_display = ("picture", "id", "level", "state", "event_link", "camera", "rule", "created_at", "handled_by")
    list_display_links = ("id",)
    list_filter = ("status", "severity", ("camera", VisibleChoices), "created_at")
    list_select_related = ("camera", "rule", "event")
    ordering = ("-created_at", "-id")
    sortable_by = ("id", "created_at")
    fields = (
        "level", "state", "event_link", "large_picture", "camera", "rule", "handled_by", "dedup_key", "window", "uid",
        "created_at", "updated_at",
    )  # fmt: skip
    readonly_fields = fields
    # The name of a rule may reveal other cameras.
    of_the_rule = frozenset({"rule", "dedup_key"})
    actions = ("acknowledge", "dismiss")
    states = {"open": "bad", "acknowledged": "good", "dismissed": "calm"}

    def get_list_display(self, request: HttpRequest) -> list[Any]:
        return self._for(request, self.list_display)

    def get_fields(self, request: HttpRequest, obj: Any = None) -> list[Any]:
        return self._for(request, self.fields)

    def _for(self, request: HttpRequest, names: tuple[str, ...]) -> list[Any]:
        shows_rule = policy.may(request.user, "view", AlertRule)
        return [name for name in names if name not in self.of_the_rule or shows_rule]

    @admin.display(description="severity", ordering="severity")
    def level(self, alert: Alert) -> SafeString:
        return badge(Event.Level(alert.severity).label, TONES[alert.severity])

    @admin.display(description="state", ordering="status")
    def state(self, alert: Alert) -> SafeString:
        return badge(alert.get_status_display(), self.states[alert.status])

    @admin.display(description="picture")
    def picture(self, alert: Alert) -> SafeString:
        return thumbnail(link(f"/api/events/{alert.event_id}/snapshot?boxes=1"))

    @admin.display(description="picture")
    def large_picture(self, alert: Alert) -> SafeString:
        return thumbnail(link(f"/api/events/{alert.event_id}/snapshot?boxes=1"), large=True)

    @admin.display(description="event")
    def event_link(self, alert: Alert) -> SafeString:
        address = reverse("admin:events_event_change", args=[alert.event_id])
        return format_html('<a href="{}">{}</a>', address, shortened(alert.event.summary) or f"event {alert.event_id}")

    @admin.action(description="Acknowledge", permissions=["act"])
    def acknowledge(self, request: HttpRequest, queryset: QuerySet[Alert]) -> None:
        self._handle(request, queryset, Alert.Status.ACKNOWLEDGED)

    @admin.action(description="Dismiss: send no more notifications", permissions=["act"])
    def dismiss(self, request: HttpRequest, queryset: QuerySet[Alert]) -> None:
        self._handle(request, queryset, Alert.Status.DISMISSED)

    def _handle(self, request: HttpRequest, queryset: QuerySet[Alert], status: Alert.Status) -> None:
        alerts = queryset.exclude(status=status)
        self.act_on(request, alerts, lambda alert: handle_alert(alert, status, request.user), str(status.label))
