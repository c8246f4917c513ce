"""Base classes of the operations pages."""

from __future__ import annotations

from typing import Any

from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse, HttpResponseBase, HttpResponseRedirect
from django.utils.cache import add_never_cache_headers
from django.views.generic import TemplateView
from rest_framework.exceptions import ValidationError
from rest_framework.permissions import SAFE_METHODS

from hsi.policies import System
from hsi.security import policy


class OperationsPage(TemplateView):
    """A page below `/admin/` in the frame of the admin. The policy of `subject` decides who may use it (else 403).

    Most pages show all cameras, so their subject is the system.
    """

    title = ""
    subject: type = System

    def dispatch(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        act: policy.Act = "view" if request.method in SAFE_METHODS else "change"
        if not policy.may(request.user, act, self.subject):
            raise PermissionDenied
        answer = super().dispatch(request, *args, **kwargs)
        add_never_cache_headers(answer)
        return answer

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        frame = admin.site.each_context(self.request)
        return {**frame, "title": self.title, "is_fullwidth": "1", **super().get_context_data(**kwargs)}


class ConfirmationPage(OperationsPage):
    """Ask before an action that cannot be undone. GET shows `question`; POST calls `act`, whose text is the message."""

    template_name = "monitoring/confirm.html"
    button = ""
    dangerous = True

    def question(self) -> str:
        raise NotImplementedError

    def act(self) -> str:
        raise NotImplementedError

    def back(self) -> str:
        raise NotImplementedError

    def post(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        messages.success(request, self.act())
        return HttpResponseRedirect(self.back())

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        form = {"question": self.question(), "button": self.button, "dangerous": self.dangerous, "back": self.back()}
        return {**super().get_context_data(**kwargs), **form}


def faults(error: ValidationError) -> str:
    """Return the errors of the filters of a page in one line."""
    detail: Any = error.detail
    return " ".join(f"{name}: {' '.join(map(str, words))}" for name, words in detail.items())
