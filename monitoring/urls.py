from django.urls import path

from monitoring import api

urlpatterns = [path("health", api.SystemHealth.as_view())]
