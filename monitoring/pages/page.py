"""What the operations pages share: they are for administrators, and stand in the frame of the admin."""

from __future__ import annotations

from typing import Any

from django.contrib import admin
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponseBase
from django.utils.cache import add_never_cache_headers
from django.views.generic import TemplateView
from rest_framework.exceptions import ValidationError
from rest_framework.permissions import SAFE_METHODS

from hsi.policies import System
from hsi.security import policy


class OperationsPage(TemplateView):
    """A page below `/admin/`. Whoever the policy of its `subject` does not allow gets 403.

    Most tell of all cameras: their subject is the system as a whole.
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


def faults(error: ValidationError) -> str:
    """What is wrong with the filters of a page, in a line."""
    detail: Any = error.detail
    return " ".join(f"{name}: {' '.join(map(str, words))}" for name, words in detail.items())
