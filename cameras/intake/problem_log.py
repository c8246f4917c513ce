"""What the watcher knows of `IntakeProblem`s: gathered in memory, stored when it changes, logged once each."""

from __future__ import annotations

import logging
from collections.abc import Iterable
from dataclasses import dataclass, field

from django.db import transaction
from django.utils import timezone

from cameras.models import IntakeProblem
from hsi.logs.redaction import redact

logger = logging.getLogger(__name__)

MOST_PATHS = 1000  # remembered of one folder and kind; more are counted
Kind = IntakeProblem.Kind
Key = tuple[str, Kind]
Told = tuple[int, str, str]


@dataclass(slots=True)
class _Affected:
    """The paths of one folder that one problem affects, each with what was said of it."""

    paths: dict[str, str] = field(default_factory=dict)
    more: int = 0

    def add(self, path: str, detail: str) -> None:
        if path in self.paths or len(self.paths) < MOST_PATHS:
            self.paths.setdefault(path, detail)
        else:
            self.more += 1

    @property
    def told(self) -> Told:
        """(how many, one of them below its folder, what was said of it)."""
        example, detail = next(iter(self.paths.items()))
        return len(self.paths) + self.more, example.partition("/")[2], detail[:300]


class ProblemBook:
    """One loop owns it. A path's folder is its first component; a path without one is about all folders."""

    def __init__(self) -> None:
        self._affected: dict[Key, _Affected] = {}
        self._stored: dict[Key, Told] | None = None

    def note(self, kind: Kind, path: str, detail: str = "") -> None:
        self._affected.setdefault((path.partition("/")[0], kind), _Affected()).add(path, redact(detail))

    def has(self, kind: Kind, path: str) -> bool:
        affected = self._affected.get((path.partition("/")[0], kind))
        return affected is not None and path in affected.paths

    def settle(self, path: str, *kinds: Kind) -> None:
        """The file is taken in, or gone: it has none of these problems any more."""
        for kind in kinds:
            key = (path.partition("/")[0], kind)
            affected = self._affected.get(key)
            if affected is not None and affected.paths.pop(path, None) is not None and not affected.paths:
                del self._affected[key]

    def clear(self, kind: Kind, folder: str) -> None:
        self._affected.pop((folder, kind), None)

    def replace(self, kinds: Iterable[Kind], found: ProblemBook) -> None:
        """A scan of everything found these, in place of what was known of these kinds."""
        for key in [key for key in self._affected if key[1] in set(kinds)]:
            del self._affected[key]
        self._affected |= found._affected

    def store(self) -> None:
        """Write what has changed since it was last stored. Raises DatabaseError, with nothing stored."""
        told = {key: affected.told for key, affected in self._affected.items() if affected.paths}
        if told == self._stored:
            return
        with transaction.atomic():
            self._write(told)
        self._log(told)
        self._stored = told

    def _write(self, told: dict[Key, Told]) -> None:
        if self._stored is None:  # what a process that is no more knew
            gone = {(row.folder, Kind(row.kind)) for row in IntakeProblem.objects.all()} - told.keys()
        else:
            gone = self._stored.keys() - told.keys()
        for folder, kind in gone:
            IntakeProblem.objects.filter(folder=folder, kind=kind).delete()
        for (folder, kind), (count, example, detail) in told.items():
            if (self._stored or {}).get((folder, kind)) != (count, example, detail):
                IntakeProblem.objects.update_or_create(
                    folder=folder,
                    kind=kind,
                    defaults={"count": count, "example": example, "detail": detail},
                    create_defaults={
                        "count": count, "example": example, "detail": detail, "since": timezone.now(),
                    },
                )  # fmt: skip

    def _log(self, told: dict[Key, Told]) -> None:
        """A line when a problem begins, and one when it is over."""
        before = (self._stored or {}).keys()
        for folder, kind in sorted(told.keys() - before):
            count, example, detail = told[folder, kind]
            level = logging.INFO if kind in IntakeProblem.HARMLESS else logging.WARNING
            about = ": ".join(filter(None, (example, detail)))
            logger.log(level, "%s: %s: %s (%s)", folder or "all folders", kind.label, count, about)
        for folder, kind in sorted(before - told.keys()):
            logger.info("%s: no more %s", folder or "all folders", kind.label)
