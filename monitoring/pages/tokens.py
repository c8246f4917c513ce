"""Create API tokens, whose text is shown once, and revoke them."""

from __future__ import annotations

from typing import Any

from django import forms
from django.contrib.auth.models import User
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404
from django.urls import reverse

from hsi.errors import HSIError
from hsi.models import ApiToken
from hsi.security import tokens
from hsi.security.login import TokenForm
from monitoring.pages.page import ConfirmationPage, OperationsPage


class AnyonesTokenForm(TokenForm):
    user = forms.ModelChoiceField(User.objects.filter(is_active=True).order_by("username"), to_field_name="username")


class NewToken(OperationsPage):
    """GET shows the form. POST shows the text of the new token, which is not stored."""

    subject = ApiToken
    template_name = "monitoring/token.html"
    title = "Create a token"

    def post(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        form, made, text = AnyonesTokenForm(request.POST), None, ""
        if form.is_valid():
            given = form.cleaned_data
            try:
                made, text = tokens.create_token(given["user"], given["name"], given["scopes"], given["days"])
            except HSIError as error:
                form.add_error(None, error.detail)
        return self.render_to_response(self.get_context_data(form=form, made=made, text=text))

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        first = AnyonesTokenForm(initial={"user": self.request.user.get_username()})
        return {
            "form": first, "longest": tokens.MAX_DAYS, "back": back_to_tokens(), **super().get_context_data(**kwargs),
        }  # fmt: skip


class RevokeToken(ConfirmationPage):
    subject = ApiToken
    title = "Revoke a token"
    button = "Revoke"

    def token(self) -> ApiToken:
        return get_object_or_404(ApiToken.objects.select_related("user"), pk=self.kwargs["pk"])

    def question(self) -> str:
        token = self.token()
        return f"Revoke the token {token} of {token.user}? Its clients lose access immediately and permanently."

    def act(self) -> str:
        return "The token is revoked." if tokens.revoke(self.token()) else "The token was already revoked."

    def back(self) -> str:
        return back_to_tokens()


def back_to_tokens() -> str:
    return reverse("admin:hsi_apitoken_changelist")
