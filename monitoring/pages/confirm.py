"""What cannot be taken back is asked about once: a page with what will happen, and the button that does it."""

from __future__ import annotations

from typing import Any

from django.contrib import messages
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect

from monitoring.pages.page import OperationsPage


class Confirmed(OperationsPage):
    """GET asks `question`, POST does it: `act` returns what to say, and `back` is where it leads."""

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
        asked = {"question": self.question(), "button": self.button, "dangerous": self.dangerous, "back": self.back()}
        return {**super().get_context_data(**kwargs), **asked}
