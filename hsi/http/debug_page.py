"""Django's error page of the development mode, without secrets.

A module of its own, because Django imports it while it configures logging, before any model can be imported.
"""

from __future__ import annotations

from typing import Any

from django.http import HttpRequest
from django.utils.safestring import SafeString
from django.views.debug import ExceptionReporter, SafeExceptionReporterFilter

from hsi.logs.redaction import redact, redact_data


class ReporterFilter(SafeExceptionReporterFilter):
    """Django's own hides what is named like a secret in settings, and forms only where a view says so."""

    def get_post_parameters(self, request: HttpRequest | None) -> dict[str, Any]:
        shown: dict[str, Any] = redact_data(dict(request.POST.items())) if request is not None else {}
        return shown


class Reporter(ExceptionReporter):
    """Redacts the page as a whole: local variables and the error's own words stand in it several times."""

    def get_traceback_html(self) -> SafeString:
        return SafeString(redact(super().get_traceback_html()))

    def get_traceback_text(self) -> SafeString:
        return SafeString(redact(super().get_traceback_text()))
