"""Signing in: the one form for it, on a page for all users."""

from __future__ import annotations

from django.contrib.auth.forms import AuthenticationForm
from django.contrib.auth.views import LoginView
from django.http import HttpResponse

from hsi.security.known_networks import remember_device
from hsi.security.lockout import hashed


class SignIn(LoginView):
    template_name = "hsi/login.html"
    redirect_authenticated_user = True

    def form_valid(self, form: AuthenticationForm) -> HttpResponse:
        answer = super().form_valid(form)
        remember_device(self.request, answer, hashed(form.get_user().get_username()))
        return answer
