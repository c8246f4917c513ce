"""The admin site: django-unfold's, with the operations pages of `monitoring`.

Everyone signs in and changes their password on the pages for all users; the admin has no forms of its own for that.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django.contrib.admin import AdminSite
from django.contrib.admin.views.autocomplete import AutocompleteJsonView
from django.contrib.auth.views import redirect_to_login
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.urls import URLPattern, URLResolver, include, path, reverse
from django.utils.module_loading import import_string

from hsi.policies import System
from hsi.security import policy

if TYPE_CHECKING:  # the library is untyped
    UnfoldAdminSite = AdminSite
else:
    from unfold.sites import UnfoldAdminSite

# The operations pages below `/admin/`, and the first of them.
PAGES = "monitoring.pages.urls"
OVERVIEW = "monitoring.pages.overview.overview"


class Autocomplete(AutocompleteJsonView):
    """Offers rows for a field of a form, to those who may fill that form in and see such rows."""

    def process_request(self, request: HttpRequest) -> Any:
        found = super().process_request(request)
        form: Any = found[1].admin_site.get_model_admin(found[2].model)
        fills_in = form.has_add_permission(request) or form.has_change_permission(request)
        if not fills_in or found[2].name not in form.get_autocomplete_fields(request):
            raise PermissionDenied
        return found


class Site(UnfoldAdminSite):
    index_title = "Everything, in rows"

    def extra_urls(self) -> list[URLPattern | URLResolver]:
        return [path("", include(PAGES))]

    def index(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> Any:
        """The overview; staff who are no administrators get the list of what they may see."""
        if policy.may(request.user, "view", System):
            return import_string(OVERVIEW)(request)
        return super().index(request, extra_context)

    def get_urls(self) -> list[Any]:
        """Without the way to "the page on the site" of any row of any model: no row has one."""
        return [one for one in super().get_urls() if getattr(one, "name", None) != "view_on_site"]

    def login(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> HttpResponse:
        """Leads to the login page, and whoever is signed in without being staff nowhere."""
        if not request.user.is_authenticated:
            return redirect_to_login(request.GET.get("next") or reverse("admin:index"))
        if not self.has_permission(request):
            raise PermissionDenied
        return HttpResponseRedirect(reverse("admin:index"))

    def password_change(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> Any:
        return HttpResponseRedirect(reverse("account"))

    password_change_done = password_change

    def autocomplete_view(self, request: HttpRequest) -> Any:
        return Autocomplete.as_view(admin_site=self)(request)

    def search(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> TemplateResponse:
        """Of the names of lists, which fit on one page. Another one could only be made up."""
        if "page" in request.GET:
            raise Http404
        found: TemplateResponse = super().search(request, extra_context)  # type: ignore[misc]
        return found
