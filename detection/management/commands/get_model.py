"""Download a model file of the manifest and check its hash."""

from __future__ import annotations

import sys
import time
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError, CommandParser

from detection.detectors import active, active_limits, detectors
from detection.model_store import manifest, store
from detection.model_store.download import no_progress
from detection.model_store.fetch import fetch
from detection.model_store.manifest import Model
from detection.model_store.store import ModelStoreError

BAR_CHARACTERS = 30
REDRAW_SECONDS = 0.2


class Command(BaseCommand):
    help = "Download a model file to the data folder: NAME, or the default detector. Try MODEL_SOURCE first."
    requires_system_checks = ()

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("name", nargs="?", help="Name of a model in --list. Default: the default detector.")
        parser.add_argument("--list", action="store_true", help="List the known models.")
        parser.add_argument(
            "--if-needed",
            action="store_true",
            help="Download only if the detector would be OpenCV, state the detector, and never fail.",
        )

    def handle(self, *args: Any, **options: Any) -> None:
        if options["list"]:
            self.stdout.write("\n".join(table()))
        elif options["if_needed"]:
            self._fetch_if_needed()
            self.stdout.write(f"Detector: {active()}. {active_limits()}".rstrip())
        else:
            self._fetch(self._wanted(options["name"]))
            self.stdout.write(f"Detector: {active()}. Restart running processes to use the model.")

    def _wanted(self, name: str | None) -> tuple[Model, ...]:
        if name is None:
            return manifest.DEFAULTS
        model = manifest.find(name)
        if model is None:
            names = ", ".join(one.name for one in manifest.MODELS)
            raise CommandError(f"There is no model {name!r}. Known are {names}.")
        return (model,)

    def _fetch_if_needed(self) -> None:
        if settings.DETECTOR != "auto" or detectors.chosen() != "opencv":
            return
        try:
            self._fetch(manifest.DEFAULTS)
        except CommandError as error:
            self.stderr.write(f"{error}\nThe detector of OpenCV is used instead.")

    def _fetch(self, models: tuple[Model, ...]) -> None:
        faults = []
        for model in models:
            self.stdout.write(f"Fetching {model.name} ({model.builds[0].size_bytes / 1e6:.1f} MB, {model.purpose}) ...")
            self.stdout.flush()
            bar = Bar(self.stdout) if sys.stdout.isatty() else None
            try:
                stored = fetch(model, bar or no_progress)
            except ModelStoreError as error:
                faults.append(f"{model.name} cannot be fetched: {error.detail}")
                continue
            finally:
                if bar:
                    bar.end()
            for fault in faults:
                self.stderr.write(fault)
            self.stdout.write(f"{stored.path}\nSHA-256: {stored.sha256}\nLicence: {model.licence}")
            return
        raise CommandError("\n".join(faults))


class Bar:
    """A progress bar on a terminal."""

    def __init__(self, terminal: Any) -> None:
        self._terminal, self._drawn_at = terminal, 0.0

    def __call__(self, done: int, total: int) -> None:
        if time.monotonic() - self._drawn_at < REDRAW_SECONDS and done < total:
            return
        self._drawn_at = time.monotonic()
        filled = BAR_CHARACTERS * done // max(total, 1)
        bar = "#" * filled + "-" * (BAR_CHARACTERS - filled)
        self._terminal.write(f"\r[{bar}] {done / 1e6:.1f} of {total / 1e6:.1f} MB", ending="")
        self._terminal.flush()

    def end(self) -> None:
        if self._drawn_at:
            self._terminal.write("")


def table() -> list[str]:
    """Format one line per model of the manifest."""
    rows = [("name", "purpose", "family", "MB", "threshold", "licence", "")]
    rows += [
        (
            model.name,
            model.purpose,
            model.family,
            f"{model.builds[0].size_bytes / 1e6:.1f}",
            "" if model.threshold is None else f"{model.threshold:g}",
            model.licence,
            "fetched" if store.is_fetched(model) else "",
        )
        for model in manifest.MODELS
    ]
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    return ["  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in rows]
