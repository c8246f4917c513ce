"""The admin site: django-unfold's."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django.contrib.admin import AdminSite
from django.contrib.admin.apps import AdminConfig as DjangoAdminConfig
from django.http import Http404, HttpRequest
from django.template.response import TemplateResponse

if TYPE_CHECKING:  # the library is untyped
    UnfoldAdminSite = AdminSite
else:
    from unfold.sites import UnfoldAdminSite


class Site(UnfoldAdminSite):
    index_title = "Everything, in rows"

    def search(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> TemplateResponse:
        """Of the names of lists, which fit on one page. Another one could only be made up."""
        if "page" in request.GET:
            raise Http404
        found: TemplateResponse = super().search(request, extra_context)  # type: ignore[misc]
        return found


class AdminConfig(DjangoAdminConfig):
    default_site = "hsi.adminsite.Site"
