"""Who comes by, and when: a script that the seed decides, as a pure function of the seconds since the start."""

from __future__ import annotations

import random
from dataclasses import dataclass, field, replace

from cameras.simulation.actors import Look
from cameras.simulation.canvas import WIDTH, Colour

CLOTHES: tuple[Colour, ...] = (
    (58, 66, 86), (150, 58, 56), (42, 92, 88), (70, 70, 74), (36, 60, 112), (120, 84, 46), (92, 54, 96), (48, 50, 46),
)  # fmt: skip
TROUSERS: tuple[Colour, ...] = ((44, 50, 70), (52, 50, 48), (36, 38, 42), (70, 60, 50), (56, 66, 84))
SKINS: tuple[Colour, ...] = ((228, 186, 158), (204, 152, 118), (160, 112, 82), (112, 76, 56))
HAIRS: tuple[Colour, ...] = ((54, 38, 30), (32, 28, 28), (140, 104, 62), (120, 112, 108), (96, 56, 36))
PAINTS: tuple[Colour, ...] = ((152, 44, 44), (58, 84, 120), (196, 198, 200), (52, 60, 66), (70, 104, 90))
FURS: tuple[Colour, ...] = ((196, 132, 72), (58, 54, 52), (150, 146, 140))

# What comes by at each place; a kind that stands twice comes twice as often. The first opens the story.
PROGRAMMES: dict[str, tuple[str, ...]] = {
    "front_door": ("delivery", "passer", "caller", "delivery", "passer", "pair", "cat"),
    "driveway": ("arrival", "passer", "car", "arrival", "passer", "cat"),
    "garden": ("passer", "passer", "pair", "cat"),
}
# Where a caller stops, as (x, y of the feet, height), and where the ground for people and cars lies.
STOPS = {"front_door": (470.0, 288.0, 176.0), "driveway": (330.0, 290.0, 170.0), "garden": (430.0, 300.0, 172.0)}
PEOPLE_GROUND = {"front_door": 338.0, "driveway": 340.0, "garden": 338.0}
CAR_STOP = (250.0, 306.0, 104.0)


@dataclass(frozen=True, slots=True)
class Actor:
    """One figure in one frame: the point on the ground below it, its height, and its pose."""

    kind: str
    look: Look
    x: float
    y: float
    height: float
    phase: float
    leftward: bool = False
    stride: float = 1.0


@dataclass(frozen=True, slots=True)
class Visit:
    """Something that happens from `start` for `length` seconds."""

    kind: str
    start: float
    length: float
    seed: int

    @property
    def end(self) -> float:
        return self.start + self.length

    @property
    def has_people(self) -> bool:
        return self.kind not in ("car", "cat")


@dataclass(slots=True)
class Story:
    """The visits at one place; asking again, or for an earlier time, gives the same answer."""

    place: str
    seed: str
    first_start: float = 0.8
    _visits: list[Visit] = field(default_factory=list)

    def frame(self, at: float) -> tuple[Actor, ...]:
        """The figures to be seen at `at`, the farthest first; empty between visits."""
        visit = self.visit_at(at)
        if visit is None:
            return ()
        return tuple(sorted(_actors(visit, self.place, at - visit.start), key=lambda actor: actor.y))

    def visit_at(self, at: float) -> Visit | None:
        visit = self.next_visit(at)
        return visit if visit.start <= at else None

    def next_visit(self, at: float) -> Visit:
        """The visit going on at `at`, else the next."""
        while not self._visits or self._visits[-1].end <= at:
            self._visits.append(self._following())
        index = len(self._visits) - 1
        while index and self._visits[index - 1].end > at:
            index -= 1
        return self._visits[index]

    def _following(self) -> Visit:
        number = len(self._visits)
        chance = random.Random(f"{self.seed}/{self.place}/{number}")
        programme = PROGRAMMES[self.place]
        kind = chance.choice(programme) if number else programme[0]
        start = self._visits[-1].end + chance.uniform(20, 40) if number else self.first_start
        return Visit(kind, start, chance.uniform(6.5, 10), chance.randrange(1 << 30))


def _actors(visit: Visit, place: str, elapsed: float) -> list[Actor]:
    chance = random.Random(visit.seed)
    share = elapsed / visit.length
    ground = PEOPLE_GROUND[place] + chance.uniform(-6, 6)
    if visit.kind == "cat":
        return [_crossing("cat", Look(chance.choice(FURS)), 326, 34, share, mirrored=chance.random() < 0.5)]
    if visit.kind == "car":
        return [_car(chance, share)]
    if visit.kind == "arrival":
        return [_car(chance, share), _passer(chance, ground + 8, max(0.0, share - 0.08) / 0.92)]
    if visit.kind == "passer":
        return [_passer(chance, ground, share)]
    if visit.kind == "pair":
        return _pair(chance, ground, share)
    return [_caller(chance, place, ground, share, parcel=visit.kind == "delivery")]


def _dressed(chance: random.Random) -> Look:
    return Look(chance.choice(CLOTHES), chance.choice(TROUSERS), chance.choice(SKINS), chance.choice(HAIRS))


def _passer(chance: random.Random, ground: float, share: float) -> Actor:
    height, mirrored = chance.uniform(182, 206), chance.random() < 0.5
    return _crossing("person", _dressed(chance), ground, height, share, mirrored=mirrored)


def _pair(chance: random.Random, ground: float, share: float) -> list[Actor]:
    """Two people, one a little behind; both are out of the picture before the visit ends."""
    first = _passer(chance, ground, share * 1.12)
    behind = 84 if first.leftward else -84
    phase = (first.phase + 0.37) % 1
    second = replace(first, look=_dressed(chance), x=first.x + behind, y=first.y - 10, phase=phase)
    return [first, replace(second, height=first.height * 0.94)]


def _crossing(kind: str, look: Look, y: float, height: float, share: float, *, mirrored: bool) -> Actor:
    """Across the whole picture, in at one side and out at the other."""
    margin = height * 0.25
    way = -margin + share * (WIDTH + 2 * margin)
    phase = way / (height * (0.85 if kind == "person" else 1.6)) % 1
    return Actor(kind, look, WIDTH - way if mirrored else way, y, height, phase, leftward=mirrored)


def _caller(chance: random.Random, place: str, ground: float, share: float, *, parcel: bool) -> Actor:
    """In from the left, to the place's stop, a pause there, and back; a parcel is handed over."""
    look = replace(_dressed(chance), parcel=parcel, cap=parcel)
    stop_x, stop_y, stop_height = STOPS[place]
    height = chance.uniform(188, 204)
    near = min(1.0, share / 0.4, (1 - share) / 0.35)
    x = -40 + near * (stop_x + 40)
    leaving = share > 0.65
    return Actor(
        "person",
        replace(look, parcel=False) if leaving else look,
        x,
        ground + near * (stop_y - ground),
        height + near * (stop_height - height),
        abs(x) / (height * 0.85) % 1,
        leftward=leaving,
        stride=0.12 if near == 1.0 else 1.0,
    )


def _car(chance: random.Random, share: float) -> Actor:
    """In from the left, slowing to a stop, and on to the right."""
    stop, y, height = CAR_STOP
    start, end = -height * 1.6, WIDTH + height * 1.6
    if share < 0.3:
        x = stop + (start - stop) * (1 - share / 0.3) ** 2
    else:
        x = stop + (end - stop) * max(0.0, (share - 0.75) / 0.25) ** 2
    return Actor("car", Look(chance.choice(PAINTS)), x, y, height, x / (height * 1.5) % 1)
