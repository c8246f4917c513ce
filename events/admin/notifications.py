"""Notification channels and deliveries in the admin."""

from __future__ import annotations

from django import forms
from django.contrib import admin, messages
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils.safestring import SafeString
from unfold.widgets import UnfoldAdminPasswordWidget

from events.admin.alerts import CommaSeparatedField
from events.models import Delivery, NotificationChannel
from events.notifications import channels, content, deliveries
from events.notifications.channels import SECRETS, ChannelInvalidError
from hsi.admin.base import HSIAdmin, MachineAdmin, VisibleChoices, badge, local_time
from hsi.errors import HSIError
from hsi.security.secret_fields import SecretFormField

KEPT = "Never shown. Leave empty to keep the current value."


class KeptSecretField(SecretFormField):
    widget = UnfoldAdminPasswordWidget(attrs={"autocomplete": "new-password"})

    def __init__(self, words: str) -> None:
        super().__init__(help_text=f"{words} {KEPT}")


class ChannelForm(forms.ModelForm):  # type: ignore[type-arg]  # not subscriptable at run time
    recipients = CommaSeparatedField(required=False, help_text="E-mail addresses, separated by commas.")
    url = KeptSecretField("URL of the webhook, or an Apprise URL such as tgram://token/chat.")
    secret = KeptSecretField("Secret that signs the bodies of a webhook.")
    password = KeptSecretField("Password for the MQTT broker.")

    class Meta:
        model = NotificationChannel
        fields = ("name", "kind", "enabled", "min_severity", "url", "recipients", "settings", "secret", "password")
        help_texts = {"settings": 'Of MQTT, as in {"host": "broker.example", "topic": "hsi/alerts"}.'}

    def _post_clean(self) -> None:
        """Configure the channel where Django would set the entered values."""
        if self.errors:
            return
        values = {name: value for name, value in self.cleaned_data.items() if name not in SECRETS or value}
        try:
            channels.configure(self.instance, values)
        except ChannelInvalidError as error:
            self.add_error(error.field, error.detail)


@admin.register(NotificationChannel)
class NotificationChannelAdmin(HSIAdmin):
    form = ChannelForm
    list_display = ("name", "kind", "enabled", "target", "min_severity")
    fieldsets = (
        (None, {"fields": ("name", "kind", "enabled", "min_severity")}),
        ("Webhook and Apprise", {"fields": ("url", "secret")}),
        ("Mail", {"fields": ("recipients",)}),
        ("MQTT", {"fields": ("settings", "password")}),
    )
    list_filter = ("kind", "enabled")
    search_fields = ("name",)
    ordering = ("id",)
    actions = ("send_test",)

    @admin.action(description="Send a test now", permissions=["act"])
    def send_test(self, request: HttpRequest, queryset: QuerySet[NotificationChannel]) -> None:
        for channel in queryset[:10]:
            try:
                channels.send(channel, content.test_notification(channel.name))
            except HSIError as error:
                self.message_user(request, f"{channel}: {error.detail}", messages.ERROR)
            else:
                self.message_user(request, f"{channel}: sent.", messages.SUCCESS)


@admin.register(Delivery)
class DeliveryAdmin(MachineAdmin):
    list_display = ("id", "delivery_state", "channel", "alert", "stage", "attempts", "last_error", "next", "sent_at")
    list_filter = ("state", "stage", ("channel", VisibleChoices))
    list_select_related = ("channel", "alert")
    ordering = ("-id",)
    sortable_by = ("id",)
    fields = (
        "delivery_state", "channel", "alert", "stage", "attempts", "last_error", "next", "sent_at", "created_at",
    )  # fmt: skip
    readonly_fields = fields
    actions = ("send_again",)
    tones = {"pending": "wait", "sent": "good", "failed": "warn", "dead": "bad"}

    @admin.display(description="state", ordering="state")
    def delivery_state(self, delivery: Delivery) -> SafeString:
        return badge(delivery.get_state_display(), self.tones[delivery.state])

    @admin.display(description="next try")
    def next(self, delivery: Delivery) -> str:
        return local_time(delivery.next_attempt_at) if delivery.next_attempt_at else "-"

    @admin.action(description="Send failed deliveries again", permissions=["act"])
    def send_again(self, request: HttpRequest, queryset: QuerySet[Delivery]) -> None:
        given_up = queryset.filter(state=Delivery.State.DEAD)
        self.act_on(request, given_up, lambda delivery: deliveries.send_again(delivery.pk), "will be sent again")
