"""Template tags with facts about this installation."""

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
    """Return the path that the site is served under, without a trailing slash."""
    return link("")
