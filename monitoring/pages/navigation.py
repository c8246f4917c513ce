"""Navigation of the admin: groups of pages, with the number of waiting rows."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from django.http import HttpRequest

from hsi.admin.navigation import Item, groups
from hsi.policies import System
from hsi.security import policy
from monitoring.pages.counts import counts


def navigation(request: HttpRequest) -> list[dict[str, Any]]:
    """Return the navigation for django-unfold. Counts cover all cameras, so only administrators see them."""
    sees_all = policy.may(request.user, "view", System)
    waiting: Mapping[str, str] | None = counts() if sees_all else None
    return [
        {
            "title": title,
            "separator": bool(title),
            "collapsible": title == "Records",
            "items": [item_link(item, request, waiting) for item in items if item.may_be_seen(request)],
        }
        for title, items in groups().items()
    ]


def item_link(item: Item, request: HttpRequest, counts: Mapping[str, str] | None) -> dict[str, Any]:
    here = request.path == item.address if item.place == "index" else request.path.startswith(item.address)
    link = {"title": item.title, "icon": item.icon, "link": item.address, "active": here}
    waits = (
        {"counts": item.counts, "count": counts.get(item.counts, ""), "tone": item.tone} if counts is not None else {}
    )
    return link | waits
