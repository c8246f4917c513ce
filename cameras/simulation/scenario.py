"""Who comes by, and when: a script determined by the seed, as a pure function of the seconds since the start."""

from __future__ import annotations

import random
from dataclasses import dataclass, field, replace

from cameras.simulation.actors import Appearance
from cameras.simulation.canvas import WIDTH, Colour

CLOTHES: tuple[Colour, ...] = (
    (58, 66, 86), (150, 58, 56), (42, 92, 88), (70, 70, 74), (36, 60, 112), (120, 84, 46), (92, 54, 96), (48, 50, 46),
)  # fmt: skip
TROUSERS: tuple[Colour, ...] = ((44, 50, 70), (52, 50, 48), (36, 38, 42), (70, 60, 50), (56, 66, 84))
SKINS: tuple[Colour, ...] = ((228, 186, 158), (204, 152, 118), (160, 112, 82), (112, 76, 56))
HAIRS: tuple[Colour, ...] = ((54, 38, 30), (32, 28, 28), (140, 104, 62), (120, 112, 108), (96, 56, 36))
PAINTS: tuple[Colour, ...] = ((152, 44, 44), (58, 84, 120), (196, 198, 200), (52, 60, 66), (70, 104, 90))
FURS: tuple[Colour, ...] = ((196, 132, 72), (58, 54, 52), (150, 146, 140))

# The kinds of visits per background. A kind that is listed twice comes twice as often. The first one comes first.
VISIT_KINDS: dict[str, tuple[str, ...]] = {
    "front_door": ("delivery", "passer", "caller", "delivery", "passer", "pair", "cat"),
    "driveway": ("arrival", "passer", "car", "arrival", "passer", "cat"),
    "garden": ("passer", "passer", "pair", "cat"),
}
# Where a caller stops, as (x, y of the feet, height), and where people and cars move.
STOPS = {"front_door": (470.0, 288.0, 176.0), "driveway": (330.0, 290.0, 170.0), "garden": (430.0, 300.0, 172.0)}
PEOPLE_GROUND = {"front_door": 338.0, "driveway": 340.0, "garden": 338.0}
CAR_STOP = (250.0, 306.0, 104.0)


@dataclass(frozen=True, slots=True)
class Actor:
    """One actor in one frame: the point on the ground below it, its height and its pose."""

    kind: str
    appearance: Appearance
    x: float
    y: float
    height: float
    phase: float
    leftward: bool = False
    stride: float = 1.0


@dataclass(frozen=True, slots=True)
class Visit:
    """An appearance of one or more actors that begins at `start` and takes `length` seconds."""

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
class Scenario:
    """The visits in front of one background. Repeated and earlier times give the same result."""

    background: str
    seed: str
    first_start: float = 0.8
    _visits: list[Visit] = field(default_factory=list)

    def actors_at(self, at: float) -> tuple[Actor, ...]:
        """Return the actors visible at `at`, the most distant first. Empty between visits."""
        visit = self.visit_at(at)
        if visit is None:
            return ()
        return tuple(sorted(_actors(visit, self.background, at - visit.start), key=lambda actor: actor.y))

    def visit_at(self, at: float) -> Visit | None:
        visit = self.next_visit(at)
        return visit if visit.start <= at else None

    def next_visit(self, at: float) -> Visit:
        """Return the visit at `at`, or else the next one."""
        while not self._visits or self._visits[-1].end <= at:
            self._visits.append(self._create_next())
        index = len(self._visits) - 1
        while index and self._visits[index - 1].end > at:
            index -= 1
        return self._visits[index]

    def _create_next(self) -> Visit:
        number = len(self._visits)
        chance = random.Random(f"{self.seed}/{self.background}/{number}")
        kinds = VISIT_KINDS[self.background]
        kind = chance.choice(kinds) if number else kinds[0]
        start = self._visits[-1].end + chance.uniform(20, 40) if number else self.first_start
        return Visit(kind, start, chance.uniform(6.5, 10), chance.randrange(1 << 30))


def _actors(visit: Visit, background: str, elapsed: float) -> list[Actor]:
    chance = random.Random(visit.seed)
    share = elapsed / visit.length
    ground = PEOPLE_GROUND[background] + chance.uniform(-6, 6)
    if visit.kind == "cat":
        return [_crossing("cat", Appearance(chance.choice(FURS)), 326, 34, share, mirrored=chance.random() < 0.5)]
    if visit.kind == "car":
        return [_car(chance, share)]
    if visit.kind == "arrival":
        return [_car(chance, share), _passer(chance, ground + 8, max(0.0, share - 0.08) / 0.92)]
    if visit.kind == "passer":
        return [_passer(chance, ground, share)]
    if visit.kind == "pair":
        return _pair(chance, ground, share)
    return [_caller(chance, background, ground, share, parcel=visit.kind == "delivery")]


def _random_person(chance: random.Random) -> Appearance:
    return Appearance(chance.choice(CLOTHES), chance.choice(TROUSERS), chance.choice(SKINS), chance.choice(HAIRS))


def _passer(chance: random.Random, ground: float, share: float) -> Actor:
    height, mirrored = chance.uniform(182, 206), chance.random() < 0.5
    return _crossing("person", _random_person(chance), ground, height, share, mirrored=mirrored)


def _pair(chance: random.Random, ground: float, share: float) -> list[Actor]:
    """Two people, one slightly behind. Both have left the picture before the visit ends."""
    first = _passer(chance, ground, share * 1.12)
    behind = 84 if first.leftward else -84
    phase = (first.phase + 0.37) % 1
    second = replace(first, appearance=_random_person(chance), x=first.x + behind, y=first.y - 10, phase=phase)
    return [first, replace(second, height=first.height * 0.94)]


def _crossing(kind: str, appearance: Appearance, y: float, height: float, share: float, *, mirrored: bool) -> Actor:
    """Cross the whole picture, in on one side and out on the other."""
    margin = height * 0.25
    way = -margin + share * (WIDTH + 2 * margin)
    phase = way / (height * (0.85 if kind == "person" else 1.6)) % 1
    return Actor(kind, appearance, WIDTH - way if mirrored else way, y, height, phase, leftward=mirrored)


def _caller(chance: random.Random, background: str, ground: float, share: float, *, parcel: bool) -> Actor:
    """Come from the left to the stop, pause there, and go back. A parcel is handed over."""
    appearance = replace(_random_person(chance), parcel=parcel, cap=parcel)
    stop_x, stop_y, stop_height = STOPS[background]
    height = chance.uniform(188, 204)
    near = min(1.0, share / 0.4, (1 - share) / 0.35)
    x = -40 + near * (stop_x + 40)
    leaving = share > 0.65
    return Actor(
        "person",
        replace(appearance, parcel=False) if leaving else appearance,
        x,
        ground + near * (stop_y - ground),
        height + near * (stop_height - height),
        abs(x) / (height * 0.85) % 1,
        leftward=leaving,
        stride=0.12 if near == 1.0 else 1.0,
    )


def _car(chance: random.Random, share: float) -> Actor:
    """Drive in from the left, brake to a stop, and leave to the right."""
    stop, y, height = CAR_STOP
    start, end = -height * 1.6, WIDTH + height * 1.6
    if share < 0.3:
        x = stop + (start - stop) * (1 - share / 0.3) ** 2
    else:
        x = stop + (end - stop) * max(0.0, (share - 0.75) / 0.25) ** 2
    return Actor("car", Appearance(chance.choice(PAINTS)), x, y, height, x / (height * 1.5) % 1)
