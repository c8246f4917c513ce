"""The best picture of an event, optionally with the boxes of its detections and the paths of its tracks."""

from __future__ import annotations

import zlib
from dataclasses import dataclass

from django.db.models import Case, IntegerField, Value, When
from PIL import Image, ImageDraw, ImageFont

from cameras.files.originals import MediaGoneError
from cameras.media import stills
from cameras.models import Upload
from detection.models import Detection
from events.media.paths import Path, colour_of_track, draw_paths, name_of, paths_of
from events.models import Event

MAX_WIDTH = 1280
MAX_BOXES = 100
# The most important labels have a colour of their own. The others share colours by name.
COLOURS = {
    "person": "#ff4d5e",
    "car": "#3aa0ff",
    "truck": "#2f7bea",
    "bus": "#5865f2",
    "motorcycle": "#00b8d4",
    "bicycle": "#00c2a8",
    "dog": "#ffb020",
    "cat": "#ff8a3d",
    "bird": "#9bd13c",
}
OTHERS = ("#b36bff", "#ff66c4", "#2ecc71", "#e8c547", "#7aa2ff")
DARK_TEXT_FROM = 133  # a colour lighter than this (0..255) gets dark text
TAB_OPACITY = 215
FILL_OPACITY = 26

Rectangle = tuple[float, float, float, float]  # left, top, right, bottom in pixels


@dataclass(frozen=True, slots=True)
class View:
    """A picture of an event (or a frame of a clip) with its detections, by descending confidence, and all paths."""

    upload: Upload
    offset_seconds: float | None
    detections: tuple[Detection, ...]
    paths: tuple[Path, ...] = ()

    @property
    def key(self) -> str:
        """Return a key that changes whenever the picture would change."""
        drawn = zlib.crc32(repr(([(one.pk, one.track) for one in self.detections], self.paths)).encode())
        return f"{self.upload.pk}-{self.detections[0].pk}-{drawn:08x}"


def best_view(event: Event) -> View:
    """Return the picture with the most confident person, else object. Raises `MediaGoneError` if there is none."""
    people_first = Case(When(label="person", then=Value(0)), default=Value(1), output_field=IntegerField())
    best = (
        Detection.objects.filter(batch__event=event)
        .select_related("upload")
        .order_by(people_first, "-confidence", "id")
        .first()
    )
    if best is None:
        raise MediaGoneError("This event has no picture.")
    rows = Detection.objects.filter(batch__event=event, upload=best.upload_id, frame_offset=best.frame_offset)
    return View(best.upload, best.frame_offset, tuple(rows.order_by("-confidence", "id")[:MAX_BOXES]), paths_of(event))


def draw(view: View, *, boxes: bool) -> bytes:
    """Return the picture as a JPEG, at most `MAX_WIDTH` wide. Raises `MediaGoneError` or `MediaError`."""
    image = stills.load_still_or_thumbnail(view.upload, offset_seconds=view.offset_seconds, max_width=MAX_WIDTH)
    if boxes:
        draw_paths(image, view.paths)
        draw_boxes(image, view.detections)
    return stills.encode_jpeg(image)


def draw_boxes(image: Image.Image, detections: tuple[Detection, ...]) -> None:
    """Draw a box and a label for each detection into `image`, the most confident last and on top."""
    pen = ImageDraw.Draw(image, "RGBA")
    taken: list[Rectangle] = []
    for detection in reversed(detections):
        _frame(pen, _corners(detection, image.size), colour_of_object(detection), _line_width(image.size))
    for detection in detections:
        _tab(pen, image.size, detection, taken)


def colour_of(label: str) -> str:
    """Return the colour of a label, which is the same in every picture and process."""
    return COLOURS.get(label) or OTHERS[sum(label.encode()) % len(OTHERS)]


def colour_of_object(detection: Detection) -> str:
    """Return the colour of the track of a detection, else of its label."""
    return colour_of(detection.label) if detection.track is None else colour_of_track(detection.track)


def _corners(detection: Detection, size: tuple[int, int]) -> Rectangle:
    """Return the box inside the picture, at least one pixel in size."""
    width, height = size
    left, top = detection.x * width, detection.y * height
    right, bottom = left + detection.width * width, top + detection.height * height
    left, top = min(max(left, 0), width - 2), min(max(top, 0), height - 2)
    return left, top, max(left + 1, min(right, width - 1)), max(top + 1, min(bottom, height - 1))


def _line_width(size: tuple[int, int]) -> int:
    return max(1, round(max(size) / 400))


def _frame(pen: ImageDraw.ImageDraw, corners: Rectangle, colour: str, width: int) -> None:
    left, top, right, bottom = corners
    radius = min(3 * width, (right - left) / 4, (bottom - top) / 4)
    pen.rounded_rectangle(corners, radius, fill=_with_opacity(colour, FILL_OPACITY), outline=colour, width=width)


def _tab(pen: ImageDraw.ImageDraw, size: tuple[int, int], detection: Detection, taken: list[Rectangle]) -> None:
    """Draw label and confidence above the box, or elsewhere at the box if there is no room."""
    font_size = max(10.0, max(size) / 55)
    font, pad = ImageFont.load_default(font_size), font_size / 3
    text = f"{name_of(_printable(detection.label), detection.track)} {detection.confidence:.0%}"
    tab_size = pen.textlength(text, font) + 2 * pad, 1.35 * font_size
    left, top = _room(_corners(detection, size), tab_size, size, taken)
    corners = (left, top, left + tab_size[0], top + tab_size[1])
    taken.append(corners)
    colour = colour_of_object(detection)
    pen.rounded_rectangle(corners, pad, fill=_with_opacity(colour, TAB_OPACITY))
    ink = "#101418" if _lightness(colour) >= DARK_TEXT_FROM else "#ffffff"
    pen.text((left + pad, top + 1.02 * font_size), text, ink, font, anchor="ls")


def _room(
    box: Rectangle, tab: tuple[float, float], size: tuple[int, int], taken: list[Rectangle]
) -> tuple[float, float]:
    """Return the top left corner of the tab: the first free position at the box that lies in the picture."""
    left = max(0.0, min(box[0], size[0] - tab[0]))
    places = [box[1] - tab[1], box[1], box[3], box[3] - tab[1]]
    inside = [top for top in places if 0 <= top <= size[1] - tab[1]]
    for top in inside:
        if not any(_overlap((left, top, left + tab[0], top + tab[1]), other) for other in taken):
            return left, top
    return left, inside[0] if inside else 0.0


def _overlap(first: Rectangle, second: Rectangle) -> bool:
    return first[0] < second[2] and second[0] < first[2] and first[1] < second[3] and second[1] < first[3]


def _printable(label: str) -> str:
    """Return a label, which comes from a service, shortened and with characters of the built-in font only."""
    return "".join(c for c in label[:24] if c.isascii() and c.isprintable()) or "object"


def _rgb(colour: str) -> tuple[int, int, int]:
    value = int(colour[1:], 16)
    return value >> 16, value >> 8 & 255, value & 255


def _with_opacity(colour: str, opacity: int) -> tuple[int, int, int, int]:
    return (*_rgb(colour), opacity)


def _lightness(colour: str) -> float:
    """Return the luma, 0..255 (ITU-R BT.601)."""
    red, green, blue = _rgb(colour)
    return 0.299 * red + 0.587 * green + 0.114 * blue
