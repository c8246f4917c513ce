import json
import sys
from dataclasses import dataclass
from typing import Any

from django.core.management.base import BaseCommand, CommandParser
from django.db import DatabaseError

from hsi import live_settings
from hsi.config.environment import Configuration
from hsi.config.options import SETTINGS, Setting


@dataclass(frozen=True, slots=True)
class Row:
    """One setting with its value prepared for display."""

    name: str
    value: str
    source: str
    allowed: str
    help: str

    @classmethod
    def of(cls, setting: Setting, configuration: Configuration) -> "Row":
        value = setting.shown(configuration.values[setting.name])
        return cls(setting.name, value, configuration.sources[setting.name], setting.allowed, setting.help)


class Command(BaseCommand):
    help = "Show every setting with its value (secrets masked), its source and the allowed values."
    requires_system_checks = ()  # this command reports faults of settings itself

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--changed", action="store_true", help="Show only settings that differ from their default.")
        parser.add_argument("--json", action="store_true", help="Print JSON.")
        parser.add_argument(
            "--check", action="store_true", help="Only check that every value is used. Exit with 1 if one is not."
        )

    def handle(self, *args: Any, **options: Any) -> None:
        unused = self._unused_rows()
        configuration = live_settings.configuration()
        unused += configuration.unused_lines()
        if options["check"]:
            self._report(unused, configuration.remarks)
            return
        rows = [Row.of(setting, configuration) for setting in SETTINGS]
        if options["changed"]:
            rows = [row for row in rows if row.source != "default"]
        self.stdout.write(as_json(rows) if options["json"] else as_table(rows))
        for line in (*unused, *configuration.remarks):
            self.stderr.write(line)

    def _report(self, unused: list[str], remarks: list[str]) -> None:
        """Print unused values. Raise SystemExit if there are any. (Invalid values already stopped the process.)"""
        for line in (*unused, *remarks):
            self.stdout.write(line)
        if unused:
            sys.exit(1)
        self.stdout.write(f"Every value is used. Checked {len(SETTINGS)} settings.")

    def _unused_rows(self) -> list[str]:
        """Describe the live settings that are ignored. Without a database, report that they are unknown."""
        try:
            live_settings.apply_changes()
        except DatabaseError as error:
            self.stderr.write(f"Live settings are unknown, because the database cannot be read: {error}")
        ignored = live_settings.ignored().items()
        return [f"The live value of {name} is ignored: {fault}" for name, fault in ignored]


def as_json(rows: list[Row]) -> str:
    fields = Row.__slots__
    return json.dumps([{name: getattr(row, name) for name in fields} for row in rows], indent=2)


def as_table(rows: list[Row]) -> str:
    """Format `rows` as a table. Pad every column but the last to its widest cell."""
    fields = Row.__slots__
    lines = [tuple(name.capitalize() for name in fields)]
    lines += [tuple(" ".join(getattr(row, name).split()) for name in fields) for row in rows]
    widths = [max(len(line[place]) for line in lines) for place in range(len(fields) - 1)]
    return "\n".join(
        "  ".join([*(cell.ljust(width) for cell, width in zip(line, widths, strict=False)), line[-1]]) for line in lines
    )
