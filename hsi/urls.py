"""Every URL. Apps are named as strings: `hsi` imports none of them."""

from django.contrib import admin
from django.contrib.auth.views import LogoutView
from django.urls import include, path
from drf_spectacular.views import SpectacularAPIView, SpectacularSwaggerSplitView

from hsi import api, views
from hsi.signin import SignIn

handler400 = "hsi.problem.bad_request"
handler403 = "hsi.problem.forbidden"
handler404 = "hsi.problem.not_found"
handler500 = "hsi.problem.server_error"

urlpatterns = [
    path("", include("events.pages")),
    path("login", SignIn.as_view(), name="login"),
    path("logout", LogoutView.as_view(), name="logout"),
    path("setup", views.setup, name="setup"),
    path("favicon.ico", views.favicon),
    path("admin/", admin.site.urls),
    path("health/", include("monitoring.probes")),
    path("api/schema", SpectacularAPIView.as_view(), name="schema"),
    path("api/docs", SpectacularSwaggerSplitView.as_view(url_name="schema"), name="docs"),
    path("api/tokens", api.Tokens.as_view()),
    path("api/tokens/<int:pk>", api.OneToken.as_view()),
    path("api/", include("cameras.urls")),
    path("api/", include("detection.urls")),
    path("api/", include("events.urls")),
    path("api/", include("monitoring.urls")),
    path("metrics", include("monitoring.metrics")),
]
