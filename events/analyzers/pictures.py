"""The pictures of an event for a multimodal model: a few small ones, the best of each part of the visit.

They are sent only to addresses of the private network, unless `NEMOTRON_IMAGES_OUTSIDE` is set.
"""

from __future__ import annotations

import base64
import io
import ipaddress
import logging
import random
import socket
from collections.abc import Iterable
from dataclasses import dataclass

import httpx
from PIL import Image

from cameras.media import stills
from cameras.models import Upload
from events.analyzers import Context, Seen
from events.analyzers.situation import picture
from hsi.errors import HSIError
from hsi.outbound import safe_http

logger = logging.getLogger(__name__)

MAX_PIXELS = 480  # of the longer side
PROBE_PIXELS = 64
COLOURS = {"red": (220, 20, 20), "green": (20, 160, 20), "blue": (20, 40, 220), "yellow": (240, 220, 20)}


@dataclass(frozen=True, slots=True)
class Picture:
    """A JPEG with the detections in it. `second` is the time after the start of the event."""

    jpeg: bytes
    second: int
    seen: tuple[Seen, ...]

    @property
    def data_url(self) -> str:
        return f"data:image/jpeg;base64,{base64.b64encode(self.jpeg).decode()}"


def pictures_for(context: Context, count: int) -> tuple[Picture, ...]:
    """Return at most `count` pictures in order of time. A picture whose file is gone is left out."""
    chosen = choose(context.seen, count)
    numbers = [seen[0].upload_id for seen in chosen if seen[0].upload_id]
    uploads = {str(one.pk): one for one in Upload.objects.filter(pk__in=numbers)} if numbers else {}
    loaded = (_load(uploads.get(seen[0].upload_id), seen, context) for seen in chosen)
    return tuple(one for one in loaded if one)


def choose(seen: Iterable[Seen], count: int) -> list[tuple[Seen, ...]]:
    """Return the detections of the best pictures: one for each of `count` equal parts of the visit, in order of time.

    The best picture of a part has the most confident and largest people, else other objects.
    """
    views: dict[tuple[object, ...], list[Seen]] = {}
    for one in seen:
        views.setdefault(picture(one), []).append(one)
    if not views or count < 1:
        return []
    times = {key: _time(view[0]) for key, view in views.items()}
    first, last = min(times.values()), max(times.values())
    best: dict[int, tuple[object, ...]] = {}
    for key, view in views.items():
        part = min(int((times[key] - first) / ((last - first) or 1) * count), count - 1)
        if part not in best or _worth(view) > _worth(views[best[part]]):
            best[part] = key
    return [tuple(views[best[part]]) for part in sorted(best)]


def private_addresses(url: str) -> list[str]:
    """Return the addresses of the host if all of them are in the private network or on this machine, else []."""
    parts = httpx.URL(url)
    port = parts.port or safe_http.DEFAULT_PORTS[parts.scheme]
    try:
        answers = socket.getaddrinfo(parts.host, port, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError):
        return []
    found = list(dict.fromkeys(str(answer[4][0]) for answer in answers))
    return found if all(map(_is_private, found)) else []


def probe() -> tuple[Picture, str]:
    """Return a picture of one colour and the name of the colour. A model that sees names it."""
    name = random.choice(list(COLOURS))
    return Picture(_jpeg(Image.new("RGB", (PROBE_PIXELS, PROBE_PIXELS), COLOURS[name])), 0, ()), name


def _is_private(address: str) -> bool:
    parsed = ipaddress.ip_address(address.partition("%")[0])
    if isinstance(parsed, ipaddress.IPv6Address) and parsed.ipv4_mapped:
        parsed = parsed.ipv4_mapped
    return (parsed.is_private or parsed.is_loopback) and not (parsed.is_link_local or parsed.is_unspecified)


def _load(upload: Upload | None, seen: tuple[Seen, ...], context: Context) -> Picture | None:
    if upload is None:
        return None
    offset = seen[0].frame_offset_seconds
    try:
        image = stills.load_still_or_thumbnail(upload, max_width=MAX_PIXELS, offset_seconds=offset)
    except HSIError as error:
        logger.info("A picture is not sent to the language model: %s", error.code)
        return None
    image.thumbnail((MAX_PIXELS, MAX_PIXELS))
    second = round((seen[0].captured_at - context.started_at).total_seconds())
    return Picture(_jpeg(image), second, seen)


def _jpeg(image: Image.Image) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, "JPEG", quality=80)
    return buffer.getvalue()


def _time(one: Seen) -> float:
    return one.captured_at.timestamp()


def _worth(view: list[Seen]) -> tuple[float, float]:
    """Return the sum of confidence times size of the people, then of everything."""
    people = sum(_size(one) for one in view if one.label == "person")
    return people, sum(map(_size, view))


def _size(one: Seen) -> float:
    _, _, width, height = one.box
    return one.confidence * max(width * height, 0.001)
