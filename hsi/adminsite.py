"""The admin site: django-unfold's, with the operations pages of `monitoring`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django.contrib.admin import AdminSite
from django.db import transaction
from django.http import Http404, HttpRequest
from django.template.response import TemplateResponse
from django.urls import URLPattern, URLResolver, include, path
from django.utils.module_loading import import_string

from hsi.roles import is_admin

if TYPE_CHECKING:  # the library is untyped
    UnfoldAdminSite = AdminSite
else:
    from unfold.sites import UnfoldAdminSite

# The operations pages below `/admin/`, and the first of them.
PAGES = "monitoring.pages.urls"
OVERVIEW = "monitoring.pages.overview.overview"


class Site(UnfoldAdminSite):
    index_title = "Everything, in rows"

    def extra_urls(self) -> list[URLPattern | URLResolver]:
        return [path("", include(PAGES))]

    def index(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> Any:
        """The overview; staff who are no administrators get the list of what they may see."""
        if is_admin(request.user):
            return import_string(OVERVIEW)(request)
        return super().index(request, extra_context)

    @transaction.atomic
    def password_change(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> Any:
        """With its entry in the audit log, or not at all."""
        return super().password_change(request, extra_context)

    def search(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> TemplateResponse:
        """Of the names of lists, which fit on one page. Another one could only be made up."""
        if "page" in request.GET:
            raise Http404
        found: TemplateResponse = super().search(request, extra_context)  # type: ignore[misc]
        return found
