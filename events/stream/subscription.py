"""What a client wants and may see: the one decision made for each message and client."""

from __future__ import annotations

from events.stream.protocol import Subscribe


class Filter:
    """Wish and rights of one client, asked with a message's type and camera.

    Answers are kept: there are few pairs of a type and a camera, and many messages.
    """

    __slots__ = ("_answers", "_families", "_rights", "_wish")

    def __init__(self, families: frozenset[str], rights: frozenset[str] | None) -> None:
        """`families` are those of the address; `rights` the cameras that the user may see, None is all of them."""
        self._families = families
        self._wish: Subscribe | None = Subscribe()
        self._rights = rights
        self._answers: dict[tuple[str, str], bool] = {}

    def __contains__(self, message: tuple[str, str]) -> bool:
        """Whether a message of this (type, camera) is for the client."""
        answer = self._answers.get(message)
        if answer is None:
            answer = self._answers[message] = self._may_see(message[1]) and self._wants(*message)
        return answer

    @property
    def wants_nothing(self) -> bool:
        return self._wish is None

    def wish(self, wish: Subscribe | None) -> None:
        """None: nothing until the next wish."""
        self._wish = wish
        self._answers = {}

    def allow(self, rights: frozenset[str] | None) -> None:
        if rights != self._rights:
            self._rights = rights
            self._answers = {}

    def _may_see(self, camera: str) -> bool:
        """A message without a camera is about all of them together: for those who see them all."""
        return self._rights is None or camera in self._rights

    def _wants(self, kind: str, camera: str) -> bool:
        family = kind.partition(".")[0]
        if self._wish is None or family not in self._families:
            return False
        types, cameras = self._wish.types, self._wish.cameras
        if cameras is not None and camera not in cameras:
            return False
        return types is None or not {"*", f"{family}.*", kind}.isdisjoint(types)
