"""The review page of an event in the admin, and its actions."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from django import forms
from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.db import transaction
from django.db.models import Model
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseNotAllowed, HttpResponseRedirect
from django.urls import URLPattern, path, reverse

from events import actions
from events.admin.review_page import older, review_page
from events.models import Alert, Event, EventFeedback
from events.serializers import MAX_NOTES
from hsi.admin.base import HSIAdmin
from hsi.api.filters import BIGGEST_ID

# An action of a button. It returns a message about its result.
Act = Callable[[HttpRequest, Event], str]
PICKER = "%Y-%m-%dT%H:%M"


class NotesForm(forms.ModelForm):  # type: ignore[type-arg]  # not subscriptable at run time
    notes = forms.CharField(required=False, max_length=MAX_NOTES, strip=False, widget=forms.Textarea({"rows": 4}))
    snooze_until = forms.DateTimeField(
        required=False,
        widget=forms.DateTimeInput({"type": "datetime-local"}, format=PICKER),
        input_formats=[PICKER, "%Y-%m-%dT%H:%M:%S"],
    )

    class Meta:
        model = Event
        fields = ("notes", "kept", "snooze_until")


class FeedbackForm(forms.ModelForm):  # type: ignore[type-arg]  # not subscriptable at run time
    class Meta:
        model = EventFeedback
        fields = ("verdict", "comment")


class ReviewAdmin(HSIAdmin):
    change_form_template = "events/review.html"
    form = NotesForm
    fields = NotesForm.Meta.fields

    def get_urls(self) -> list[URLPattern]:
        ours = [
            path(f"<int:pk>/{name}", self.admin_site.admin_view(self._view(*does)), name=f"events_event_{name}")
            for name, does in ACTS.items()
        ]
        return [*ours, *super().get_urls()]

    def render_change_form(self, request: HttpRequest, context: Any, *args: Any, **how: Any) -> Any:
        event = how["obj"]  # always set, because events cannot be added here
        context |= review_page(request, event, may_change=self.has_change_permission(request, event))
        return super().render_change_form(request, context, *args, **how)

    def response_post_save_change(self, request: HttpRequest, obj: Any) -> HttpResponseRedirect:
        return HttpResponseRedirect(page_of(obj))

    def _view(self, act: Act, changed: type[Model]) -> Callable[..., HttpResponse]:
        def view(request: HttpRequest, pk: int) -> HttpResponse:
            if request.method != "POST":
                return HttpResponseNotAllowed(["POST"])
            page: Any = self.admin_site.get_model_admin(changed)
            if not page.has_act_permission(request):
                raise PermissionDenied
            with transaction.atomic():
                event = self.get_queryset(request).select_for_update(of=("self",)).filter(pk=pk).first()
                if event is None:
                    raise Http404
                messages.success(request, act(request, event))
            return HttpResponseRedirect(self._next(request, event))

        return view

    def _next(self, request: HttpRequest, event: Event) -> str:
        if request.POST.get("then") != "next":
            return page_of(event)
        following = older(self.get_queryset(request).filter(reviewed=False, deleted_at=None), event)
        return page_of(following) if following else reverse("admin:events_event_changelist")


def page_of(event: Event) -> str:
    return reverse("admin:events_event_change", args=[event.pk])


def set_reviewed(request: HttpRequest, event: Event) -> str:
    reviewed = request.POST.get("reviewed") == "yes"
    actions.review_event(event, {"reviewed": reviewed})
    return f"Event {event.pk} is reviewed." if reviewed else f"Event {event.pk} is not reviewed."


def judge_again(request: HttpRequest, event: Event) -> str:
    actions.request_reanalysis(event)
    return f"Event {event.pk} is queued for another analysis. It keeps its score until then."


def give_feedback(request: HttpRequest, event: Event) -> str:
    form = FeedbackForm(request.POST)
    if not form.is_valid():
        return "Not saved: choose one of the four answers."
    is_new = actions.record_feedback(event, form.cleaned_data["verdict"], form.cleaned_data["comment"])
    return "Thank you. The feedback is saved." if is_new else "This feedback was saved before."


STATUSES = {status.value: status for status in (Alert.Status.ACKNOWLEDGED, Alert.Status.DISMISSED)}


def handle_alert(request: HttpRequest, event: Event) -> str:
    status, number = STATUSES.get(request.POST.get("status", "")), request.POST.get("alert", "")
    pk = min(int(number), BIGGEST_ID) if number.isascii() and number.isdigit() else 0
    alert = event.alerts.select_for_update().filter(pk=pk).first()
    if status is None or alert is None:
        return "Not changed: this event has no such alert."
    actions.handle_alert(alert, status, request.user)
    return f"Alert {alert.pk} is {status.label}."


# The actions by the end of their address, with the model that they change.
ACTS: dict[str, tuple[Act, type[Model]]] = {
    "reviewed": (set_reviewed, Event), "reanalyse": (judge_again, Event), "feedback": (give_feedback, Event),
    "alert": (handle_alert, Alert),
}  # fmt: skip
