"""What every page may say about this installation."""

from __future__ import annotations

from django import template
from django.conf import settings

register = template.Library()


@register.simple_tag
def app_name() -> str:
    return str(settings.APP_NAME)
