"""What one camera shows as a whole: whether its picture is frozen, black, covered, blurred, or of another place.

Pure. Each picture gets a verdict, from its signature and from what the camera usually shows. A verdict becomes the
state after several pictures in a row over some time, so that a single odd picture never does. Times are capture times.
"""

from __future__ import annotations

import base64
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import numpy as np
from numpy.typing import NDArray

from cameras.models import Camera
from detection.relevance.signature import BLANK, STRUCTURE_SIZE, Signature, Structure, similarity

State = Camera.View

INTERVAL = timedelta(seconds=5)  # pictures closer together show the same
# Number of pictures in a row, and the time from the first to the last, after which a verdict becomes the state.
PATIENCE = {
    State.OK: (3, timedelta(seconds=10)),
    State.BLACK: (4, timedelta(seconds=20)),
    State.COVERED: (6, timedelta(minutes=1)),
    State.BLURRED: (10, timedelta(minutes=5)),
    State.FROZEN: (5, timedelta(minutes=5)),
    State.TURNED: (6, timedelta(seconds=20)),
}
ACCEPTED_AFTER = (20, timedelta(minutes=10))  # then the new place of a turned camera is its usual view

# Grey levels. A picture at night is dark, and not as flat: there is a lamp, or a horizon.
DARK_BRIGHTEST, BLACK_CONTRAST = 48.0, 0.7
# Shares of the picture with details. A bare wall has few of them, as a cover has.
NO_DETAILS, USUAL_DETAILS = 0.02, 0.1
# A sharp picture has a sharpness of about 0.3. At 0.19, 12 pixels of a picture 1920 wide flow into one.
BLURRED_SHARPNESS, BLURRED_SHARE = 0.19, 0.65
# Similarity to the usual view: at least 0.35 on real footage, with traffic that fills the picture, and 0.8 without.
# Other places have at most 0.15; a camera that is turned by a fifth of its picture has 0.15 to 0.35.
SAME_VIEW, OTHER_VIEW = 0.3, 0.18
# An on-screen clock and its neighbours change although the picture is frozen.
EQUAL_TILES, LEAST_TILES = 0.85, 8
LEARNED = 5  # pictures until the usual view is known
LEARNING = 20  # the usual view is the mean of this many pictures, and then follows slowly
LEARNS_EVERY = timedelta(minutes=1)
STRUCTURE_LEVELS = 63  # a direction less the mean of all is within -2 and 2


@dataclass(slots=True)
class Usual:
    """Means of the pictures that a camera usually shows."""

    structure: Structure
    details: float
    sharpness: float
    pictures: int = 1

    def learn(self, signature: Signature) -> None:
        self.pictures = min(self.pictures + 1, LEARNING)
        weight = 1 / self.pictures
        self.structure = self.structure + (signature.structure - self.structure) * weight
        self.details += (signature.details - self.details) * weight
        self.sharpness += (signature.sharpness - self.sharpness) * weight

    def as_json(self) -> list[Any]:
        levels = np.round(self.structure * STRUCTURE_LEVELS).astype(np.int8)
        return [_text(levels), round(self.details, 4), round(self.sharpness, 4), self.pictures]

    @classmethod
    def from_json(cls, values: list[Any]) -> Usual:
        text, details, sharpness, pictures = values
        levels = np.frombuffer(base64.b64decode(text), np.int8).reshape(*STRUCTURE_SIZE[::-1], 2)
        return cls(levels.astype(np.float32) / np.float32(STRUCTURE_LEVELS), details, sharpness, pictures)


def usual_from(signature: Signature) -> Usual:
    return Usual(signature.structure, signature.details, signature.sharpness)


@dataclass(slots=True)
class Run:
    """Pictures in a row with the same verdict, which is not the state."""

    verdict: State
    since: datetime
    pictures: int = 1


@dataclass(slots=True)
class ViewMemory:
    """The state of one camera, since when, and what it is derived from.

    `usual` is the usual view, and `other` a view that differs from it. All pictures since `tiles_at` have the same
    `tiles`. `has_news` and `has_changed`: there is something to store, and a new state to report.
    """

    state: State = State.OK
    since: datetime | None = None
    last_at: datetime | None = None
    learned_at: datetime | None = None
    run: Run | None = None
    usual: Usual | None = None
    other: Usual | None = None
    tiles: tuple[int, ...] = ()
    tiles_at: datetime | None = None
    has_news: bool = False
    has_changed: bool = False

    def see(self, signature: Signature, at: datetime) -> bool:
        """Take a picture into account. Return whether the camera now shows another place."""
        if self.last_at is not None and at < self.last_at + INTERVAL:
            return False
        self.last_at, self.has_news = at, True
        was_turned = self.state is State.TURNED
        verdict = self._verdict(signature, at)
        if verdict is not None:
            self._count(verdict, at)
        if verdict is State.TURNED:
            self._accept(at)
            return self.other is not None and self.other.pictures == PATIENCE[State.TURNED][0]
        return was_turned and self.state is State.OK  # it was turned back

    def freeze(self, since: datetime) -> bool:
        """Take into account that the camera repeats one file since then. Return False if its state says enough."""
        if self.state in (State.FROZEN, State.BLACK):
            return False
        self._change(State.FROZEN, since)
        return True

    def _verdict(self, signature: Signature, at: datetime) -> State | None:
        """Judge one picture, and learn from it if nothing is wrong. None: it says nothing."""
        if signature.brightest < DARK_BRIGHTEST:
            if signature.contrast < BLACK_CONTRAST:
                return State.BLACK
            return State.OK if self.state is State.BLACK else None
        if signature.tiles and self._is_frozen(signature, at):
            return State.FROZEN
        if not signature.tiles and State.FROZEN in (self.state, self.run and self.run.verdict):
            return None
        if self.usual is None or self.usual.pictures < LEARNED:
            return self._begin(signature)
        return self._compare(self.usual, signature, at)

    def _compare(self, usual: Usual, signature: Signature, at: datetime) -> State | None:
        match = similarity(usual.structure, signature.structure)
        has_details = signature.details > NO_DETAILS
        if not has_details and usual.details >= USUAL_DETAILS:
            return State.BLURRED if match >= SAME_VIEW else State.COVERED
        if match < SAME_VIEW:
            return self._see_other(signature) if match < OTHER_VIEW and has_details else None
        if signature.sharpness < min(BLURRED_SHARPNESS, BLURRED_SHARE * usual.sharpness):
            return State.BLURRED
        if usual.pictures < LEARNING or self.learned_at is None or at >= self.learned_at + LEARNS_EVERY:
            usual.learn(signature)
            self.learned_at = at
        return State.OK

    def _is_frozen(self, signature: Signature, at: datetime) -> bool:
        pairs = [pair for pair in zip(self.tiles, signature.tiles, strict=False) if BLANK not in pair]
        equal = sum(before == now for before, now in pairs)
        if len(pairs) >= LEAST_TILES and equal >= EQUAL_TILES * len(pairs):
            return True
        self.tiles, self.tiles_at = signature.tiles, at
        return False

    def _begin(self, signature: Signature) -> State:
        if signature.details > NO_DETAILS:
            if self.usual is None or similarity(self.usual.structure, signature.structure) < OTHER_VIEW:
                self.usual = usual_from(signature)
            else:
                self.usual.learn(signature)
        return State.OK

    def _see_other(self, signature: Signature) -> State | None:
        """Compare with the other view. Traffic that fills the picture is never the same twice, and starts over."""
        match = similarity(self.other.structure, signature.structure) if self.other is not None else 0.0
        if self.other is None or match < OTHER_VIEW:
            self.other, self.run = usual_from(signature), None
            return State.TURNED
        if match < SAME_VIEW:
            return None
        self.other.learn(signature)
        return State.TURNED

    def _count(self, verdict: State, at: datetime) -> None:
        """Count pictures in a row with the same verdict. After enough of them, it is the state."""
        if State.TURNED not in (verdict, self.state):
            self.other = None
        if verdict is self.state:
            self.run = None
            return
        if self.run is None or self.run.verdict is not verdict:
            self.run = Run(verdict, (self.tiles_at or at) if verdict is State.FROZEN else at)
        else:
            self.run.pictures += 1
        pictures, time = PATIENCE[verdict]
        if self.run.pictures >= pictures and at >= self.run.since + time:
            self._change(verdict, self.run.since)

    def _accept(self, at: datetime) -> None:
        """Make the view of a turned camera the usual one after a while."""
        pictures, time = ACCEPTED_AFTER
        if self.state is not State.TURNED or self.other is None or self.since is None:
            return
        if self.other.pictures >= pictures and at >= self.since + time:
            self.usual, self.other = self.other, None
            self._change(State.OK, at)

    def _change(self, state: State, since: datetime) -> None:
        self.state, self.since, self.run, self.has_changed = state, since, None, True

    def as_json(self) -> dict[str, Any]:
        return {
            "state": self.state.value,
            "since": _iso(self.since),
            "last_at": _iso(self.last_at),
            "learned_at": _iso(self.learned_at),
            "run": self.run and [self.run.verdict.value, _iso(self.run.since), self.run.pictures],
            "usual": self.usual and self.usual.as_json(),
            "other": self.other and self.other.as_json(),
            "tiles": _text(np.array(self.tiles, np.uint16)),
            "tiles_at": _iso(self.tiles_at),
        }

    @classmethod
    def from_json(cls, values: dict[str, Any]) -> ViewMemory:
        """Return the memory of `as_json`; {}: a new one."""
        if not values:
            return cls()
        run = values["run"]
        return cls(
            state=State(values["state"]),
            since=_time(values["since"]),
            last_at=_time(values["last_at"]),
            learned_at=_time(values["learned_at"]),
            run=run and Run(State(run[0]), datetime.fromisoformat(run[1]), run[2]),
            usual=values["usual"] and Usual.from_json(values["usual"]),
            other=values["other"] and Usual.from_json(values["other"]),
            tiles=tuple(np.frombuffer(base64.b64decode(values["tiles"]), np.uint16).tolist()),
            tiles_at=_time(values["tiles_at"]),
        )


def _iso(at: datetime | None) -> str | None:
    return at.isoformat() if at else None


def _time(text: str | None) -> datetime | None:
    return datetime.fromisoformat(text) if text else None


def _text(values: NDArray[np.generic]) -> str:
    return base64.b64encode(values.tobytes()).decode()
