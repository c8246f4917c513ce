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

# The operations pages below `/admin/`, and the index page.
PAGES = "monitoring.pages.urls"
OVERVIEW = "monitoring.pages.overview.overview"


class Autocomplete(AutocompleteJsonView):
    """Completes a field for users who may edit its form."""

    def process_request(self, request: HttpRequest) -> Any:
        request_data = super().process_request(request)
        form: Any = request_data[1].admin_site.get_model_admin(request_data[2].model)
        fills_in = form.has_add_permission(request) or form.has_change_permission(request)
        if not fills_in or request_data[2].name not in form.get_autocomplete_fields(request):
            raise PermissionDenied
        return request_data


class Site(UnfoldAdminSite):
    index_title = "All records"

    def extra_urls(self) -> list[URLPattern | URLResolver]:
        return [path("", include(PAGES))]

    def index(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> Any:
        """Show the overview to administrators, and the list of models to other staff."""
        if policy.may(request.user, "view", System):
            return import_string(OVERVIEW)(request)
        return super().index(request, extra_context)

    def get_urls(self) -> list[Any]:
        """Return the URLs without `view_on_site`, because no row has a page on the site."""
        return [url for url in super().get_urls() if getattr(url, "name", None) != "view_on_site"]

    def login(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> HttpResponse:
        """Redirect to the login page. Signed-in users who are not staff get 403."""
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
        """Search the names of lists. The results fit on one page, so `page` is 404."""
        if "page" in request.GET:
            raise Http404
        response: TemplateResponse = super().search(request, extra_context)  # type: ignore[misc]
        return response
