"""The one page for people: newest events, the cameras, and what waits."""

from __future__ import annotations

from dataclasses import dataclass
from typing import cast

from django.conf import settings
from django.contrib.auth.models import User
from django.db.models import Count, Q
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils import timezone
from django.views.decorators.cache import never_cache
from django.views.decorators.csrf import ensure_csrf_cookie
from django.views.decorators.http import require_safe

from cameras.access import only_visible, visible_cameras
from cameras.models import Upload
from events.home.cards import cards
from events.home.search_form import Asked
from events.labels import words
from events.models import Event
from hsi.api.pagination import cursor_of
from hsi.outbox import publish
from hsi.security.roles import is_admin

FIRST_EVENTS = 30


@dataclass(frozen=True, slots=True)
class LookedAt:
    """What became of the files of the cameras a user sees."""

    empty: int
    found: int
    waiting: int
    failed: int

    @property
    def any(self) -> bool:
        return bool(self.empty or self.found or self.waiting or self.failed)


@require_safe
@never_cache
@ensure_csrf_cookie
def home(request: HttpRequest) -> HttpResponse:
    # Read first: whatever happens after this number reaches the page over the socket.
    seq = publish.newest()
    user = cast(User, request.user)
    cameras = list(visible_cameras(user).with_last_upload())
    asked = Asked.of(request.GET)
    events = asked.narrow(only_visible(Event.objects.all(), user))
    shown = list(events.order_by("-started_at", "-id")[: FIRST_EVENTS + 1])
    more, shown = len(shown) > FIRST_EVENTS, shown[:FIRST_EVENTS]
    context = {
        "cameras": cameras,
        "cards": cards(shown, {camera.pk: camera.name for camera in cameras}),
        "asked": asked,
        "looked_at": None if shown or asked.given else looked_at(user),
        "page": {
            "query": asked.query,
            "seq": seq,
            "cursor": cursor_of(shown[-1], "started_at", Event) if more else None,
            "first": FIRST_EVENTS,
            "words": words(),
        },
        "refused_today": refused_today(user),
        "camera_root": settings.CAMERA_ROOT if is_admin(user) else "",
        "demo": demo(),
    }
    return render(request, "events/home.html", context)


def looked_at(user: User) -> LookedAt:
    """Asked only while there is no event."""
    state = Upload.State
    return LookedAt(
        **only_visible(Upload.objects.all(), user).aggregate(
            empty=Count("pk", filter=Q(state=state.EMPTY)),
            found=Count("pk", filter=Q(state=state.DETECTED)),
            waiting=Count("pk", filter=Q(state=state.WAITING)),
            failed=Count("pk", filter=Q(state__in=(state.DEAD, state.REJECTED))),
        )
    )


def refused_today(user: User) -> int:
    """Of the files taken since midnight, the site's time: how many were refused."""
    midnight = timezone.localtime().replace(hour=0, minute=0, second=0, microsecond=0)
    refused = Upload.objects.filter(state=Upload.State.REJECTED, captured_at__gte=midnight)
    return only_visible(refused, user).count()


def demo() -> str:
    if not getattr(settings, "HSI_DEMO", False):
        return ""
    return f"Demo: drawn cameras, and batches close after {settings.BATCH_WINDOW_SECONDS} s instead of 90 s."
