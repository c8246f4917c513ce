"""The watcher's list of intake problems: collected in memory, stored when it changes, logged once per problem."""

from __future__ import annotations

import logging
from collections.abc import Iterable
from dataclasses import dataclass, field

from django.db import transaction
from django.utils import timezone

from cameras.models import IntakeProblem
from hsi.logs.redaction import redact

logger = logging.getLogger(__name__)

MAX_PATHS = 1000  # remembered per folder and kind; further paths are only counted
Kind = IntakeProblem.Kind
Key = tuple[str, Kind]
Summary = tuple[int, str, str]


@dataclass(slots=True)
class _Affected:
    """The paths of one folder that have one problem, each with its detail."""

    paths: dict[str, str] = field(default_factory=dict)
    extra_paths: int = 0

    def add(self, path: str, detail: str) -> None:
        if path in self.paths or len(self.paths) < MAX_PATHS:
            self.paths.setdefault(path, detail)
        else:
            self.extra_paths += 1

    @property
    def summary(self) -> Summary:
        """(number of paths, an example below the folder, the detail of the example)."""
        example, detail = next(iter(self.paths.items()))
        return len(self.paths) + self.extra_paths, example.partition("/")[2], detail[:300]


class ProblemLog:
    """Not thread-safe: one loop owns it. The folder of a path is its first component; "" is about all folders."""

    def __init__(self) -> None:
        self._affected: dict[Key, _Affected] = {}
        self._stored: dict[Key, Summary] | None = None

    def add(self, kind: Kind, path: str, detail: str = "") -> None:
        self._affected.setdefault((path.partition("/")[0], kind), _Affected()).add(path, redact(detail))

    def has(self, kind: Kind, path: str) -> bool:
        affected = self._affected.get((path.partition("/")[0], kind))
        return affected is not None and path in affected.paths

    def resolve(self, path: str, *kinds: Kind) -> None:
        """Remove the problems of a file that was accepted or is gone."""
        for kind in kinds:
            key = (path.partition("/")[0], kind)
            affected = self._affected.get(key)
            if affected is not None and affected.paths.pop(path, None) is not None and not affected.paths:
                del self._affected[key]

    def clear(self, kind: Kind, folder: str) -> None:
        self._affected.pop((folder, kind), None)

    def replace(self, kinds: Iterable[Kind], current: ProblemLog) -> None:
        """Replace the problems of these kinds by those that a full scan has found."""
        for key in [key for key in self._affected if key[1] in set(kinds)]:
            del self._affected[key]
        self._affected |= current._affected

    def store(self) -> None:
        """Write the changes since the last call. Raise `DatabaseError` with nothing stored."""
        current = {key: affected.summary for key, affected in self._affected.items() if affected.paths}
        if current == self._stored:
            return
        with transaction.atomic():
            self._write(current)
        self._log_changes(current)
        self._stored = current

    def _write(self, current: dict[Key, Summary]) -> None:
        if self._stored is None:  # rows of an earlier process
            resolved = {(row.folder, Kind(row.kind)) for row in IntakeProblem.objects.all()} - current.keys()
        else:
            resolved = self._stored.keys() - current.keys()
        for folder, kind in resolved:
            IntakeProblem.objects.filter(folder=folder, kind=kind).delete()
        for (folder, kind), (count, example, detail) in current.items():
            if (self._stored or {}).get((folder, kind)) != (count, example, detail):
                values = {"count": count, "example": example, "detail": detail}
                IntakeProblem.objects.update_or_create(
                    folder=folder, kind=kind, defaults=values, create_defaults={**values, "since": timezone.now()}
                )

    def _log_changes(self, current: dict[Key, Summary]) -> None:
        """Log a line when a problem begins, and a line when it is over."""
        before = (self._stored or {}).keys()
        for folder, kind in sorted(current.keys() - before):
            count, example, detail = current[folder, kind]
            level = logging.INFO if kind in IntakeProblem.HARMLESS else logging.WARNING
            about = ": ".join(filter(None, (example, detail)))
            logger.log(level, "%s: %s: %s (%s)", folder or "all folders", kind.label, count, about)
        for folder, kind in sorted(before - current.keys()):
            logger.info("%s: no more %s", folder or "all folders", kind.label)
