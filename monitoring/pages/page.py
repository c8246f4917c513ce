"""What the operations pages share: they are for administrators, and stand in the frame of the admin."""

from __future__ import annotations

from typing import Any

from django.contrib import admin
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponseBase
from django.utils.cache import add_never_cache_headers
from django.views.generic import TemplateView
from rest_framework.exceptions import ValidationError

from hsi.roles import is_admin


class OperationsPage(TemplateView):
    """A page below `/admin/`. Staff who are no administrators get 403: what it tells concerns all cameras."""

    title = ""

    def dispatch(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        if not is_admin(request.user):
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
