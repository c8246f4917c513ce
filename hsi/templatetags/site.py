"""What every page may say about this installation."""

from __future__ import annotations

from django import template
from django.conf import settings

from hsi.http.url_prefix import link

register = template.Library()


@register.simple_tag
def app_name() -> str:
    return str(settings.APP_NAME)


@register.simple_tag
def mount_point() -> str:
    """The path below which the site is served, without a slash at its end."""
    return link("")
