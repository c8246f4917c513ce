"""Every URL. Apps are named as strings, because `hsi` imports none of them."""

from django.contrib import admin
from django.contrib.auth.views import LogoutView
from django.urls import include, path
from drf_spectacular.views import SpectacularAPIView, SpectacularSwaggerSplitView

from hsi import views
from hsi.api import tokens
from hsi.security.login import SignIn

handler400 = "hsi.http.problem.bad_request"
handler403 = "hsi.http.problem.forbidden"
handler404 = "hsi.http.problem.not_found"
handler500 = "hsi.http.problem.server_error"

urlpatterns = [
    path("", include("events.urls")),
    path("login", SignIn.as_view(), name="login"),
    path("logout", LogoutView.as_view(), name="logout"),
    path("setup", views.setup, name="setup"),
    path("favicon.ico", views.favicon),
    path("admin/", admin.site.urls),
    path("health/", include("monitoring.health.probes")),
    path("api/schema", SpectacularAPIView.as_view(), name="schema"),
    path("api/docs", SpectacularSwaggerSplitView.as_view(url_name="schema"), name="docs"),
    path("api/tokens", tokens.Tokens.as_view()),
    path("api/tokens/<int:pk>", tokens.OneToken.as_view()),
    path("api/", include("cameras.urls")),
    path("api/", include("detection.urls")),
    path("api/", include("monitoring.urls")),
    path("metrics", include("monitoring.metrics.exporter")),
]
