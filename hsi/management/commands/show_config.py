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
    """One setting as a person may see it."""

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
    help = "Shows every setting: its value (secrets are masked), where it came from, and what is allowed."
    requires_system_checks = ()  # what they say of settings is said here

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--changed", action="store_true", help="Only those that are not at their default.")
        parser.add_argument("--json", action="store_true", help="As JSON.")
        parser.add_argument(
            "--check", action="store_true", help="Only whether all that was set is used. Ends with 1 where it is not."
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
        """Raises SystemExit where something is wrong. A value that cannot be used ended the process before."""
        for line in (*unused, *remarks):
            self.stdout.write(line)
        if unused:
            sys.exit(1)
        self.stdout.write(f"All that was set is used. {len(SETTINGS)} settings were looked at.")

    def _unused_rows(self) -> list[str]:
        """What was set while running and is ignored. The environment is shown all the same without a database."""
        try:
            live_settings.heed()
        except DatabaseError as error:
            self.stderr.write(f"What was set while running is not known, the database cannot be asked: {error}")
        ignored = live_settings.ignored().items()
        return [f"The value of {name} that was set while running is ignored: {fault}" for name, fault in ignored]


def as_json(rows: list[Row]) -> str:
    fields = Row.__slots__
    return json.dumps([{name: getattr(row, name) for name in fields} for row in rows], indent=2)


def as_table(rows: list[Row]) -> str:
    """Columns as wide as their widest cell; the last one is left as it is."""
    fields = Row.__slots__
    lines = [tuple(name.capitalize() for name in fields)]
    lines += [tuple(" ".join(getattr(row, name).split()) for name in fields) for row in rows]
    widths = [max(len(line[place]) for line in lines) for place in range(len(fields) - 1)]
    return "\n".join(
        "  ".join([*(cell.ljust(width) for cell, width in zip(line, widths, strict=False)), line[-1]]) for line in lines
    )
