"""A track in words, for sentences about an event: "came from the left, stayed 40 s, 15 s at Door"."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from events.models import Track
from events.tracking.movement import Movement

Side = Track.Side

SHORTEST_STAY_SECONDS = 1.0
CAME = {
    Side.LEFT: "came from the left",
    Side.RIGHT: "came from the right",
    Side.TOP: "came from the top",
    Side.BOTTOM: "came from the bottom",
    Side.CENTRE: "appeared",
}
LEFT = {
    Side.LEFT: "left to the left",
    Side.RIGHT: "left to the right",
    Side.TOP: "left at the top",
    Side.BOTTOM: "left at the bottom",
    Side.CENTRE: "",
}


def parts(movement: Movement, zone_names: Mapping[str, str]) -> list[str]:
    """Return what the object did, in order. `zone_names` are by id; other zones are left out.

    An object that was seen once, or did not move, neither came nor left.
    """
    came, left = (CAME[movement.entry], LEFT[movement.exit]) if movement.moved else ("", "")
    stayed = f"stayed {duration(movement.seconds)}" if movement.seconds >= SHORTEST_STAY_SECONDS else ""
    stays = [
        f"{duration(stay.seconds)} at {zone_names[zone]}"
        for zone, stay in movement.zones.items()
        if zone in zone_names and stay.seconds >= SHORTEST_STAY_SECONDS
    ]
    return [part for part in (came, stayed, *stays, left) if part]


def paths(tracks: Iterable[Movement], zone_names: Mapping[str, str]) -> tuple[str, ...]:
    """Return what each object that moved did, in one text each. People come first, then the first that came."""
    moved = [track for track in tracks if track.moved]
    moved.sort(key=lambda track: (track.label_group != "person", track.started_at))
    return tuple(", ".join(parts(track, zone_names)) for track in moved)


def duration(seconds: float) -> str:
    minutes, rest = divmod(round(seconds), 60)
    return f"{minutes} min {rest} s" if minutes and rest else f"{minutes} min" if minutes else f"{rest} s"
