"""The theme of the admin: django-unfold's settings, with the name, icon and colours of the page at `/`."""

from __future__ import annotations

from typing import Any

from django.http import HttpRequest
from django.templatetags.static import static

# The greys of `hsi/static/hsi/base.css`, from its light ground to its dark one.
BASE = {
    "50": "#f3f5f8", "100": "#e9edf2", "200": "#dce2ea", "300": "#b3c0cf", "400": "#8e9cad", "500": "#616d7d",
    "600": "#4a5666", "700": "#3a4757", "800": "#27313e", "900": "#151b24", "950": "#0c1016",
}  # fmt: skip
# Its accent: 600 on light grounds, 500 on dark ones.
PRIMARY = {
    "50": "#f2f6fe", "100": "#e6eefc", "200": "#c8dafa", "300": "#a9c6ff", "400": "#94b9ff", "500": "#84aeff",
    "600": "#1d55d8", "700": "#17449f", "800": "#16397f", "900": "#1b2a47", "950": "#0a1a38",
}  # fmt: skip


def unfold_settings(name: str, *, navigation: str) -> dict[str, Any]:
    """Return the setting UNFOLD for an installation called `name`.

    `navigation` is the dotted path of a function that takes a request.
    """
    return {
        "SITE_TITLE": name,
        "SITE_HEADER": name,
        "SITE_SUBHEADER": "Operations",
        "SITE_ICON": mark,
        "SITE_FAVICONS": [{"rel": "icon", "type": "image/svg+xml", "href": mark}],
        "SHOW_BACK_BUTTON": True,
        "SHOW_HISTORY": "hsi.admin.navigation.shows_history",
        "BORDER_RADIUS": "10px",
        "COLORS": {"base": BASE, "primary": PRIMARY},
        "STYLES": [lambda request: static("hsi/admin.css")],
        "SCRIPTS": [lambda request: static("hsi/admin.js")],
        "SIDEBAR": {
            "show_search": True,
            "command_search": True,
            "navigation": navigation,
        },
    }


def mark(request: HttpRequest) -> str:
    return static("hsi/mark.svg")
