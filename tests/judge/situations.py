"""What the rules say about everyday situations: how often their level is the one that a careful person would give.

A row of `situations.csv` says how often a situation happens on an ordinary day, what is seen, and the wanted level.
"""

from __future__ import annotations

import csv
import re
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from detection.detectors.labels import group_of
from events.analyzers import Context, Seen, Verdict
from events.analyzers.light import light_at
from events.analyzers.rules import RulesAnalyzer
from events.severity import LEVELS, rank

FILE = "situations.csv"
OWN = Path(__file__).parent / FILE
SEEN = re.compile(r"(?P<label>.+) x(?P<count>\d+) at (?P<confidence>[\d.]+)")
DAY = datetime(2024, 5, 14)  # noqa: DTZ001 - the local day of a camera in no particular place

Report = dict[str, Any]


class SituationsError(Exception):
    """The file of situations cannot be used."""


@dataclass(frozen=True, slots=True)
class Row:
    """A situation, its number per day, its wanted level, and the context that an analyser gets."""

    name: str
    per_day: float
    wanted: str
    context: Context


def read(folder: Path) -> list[Row]:
    """Read the situations of a folder, or the own ones if it has none. Raises `SituationsError`."""
    path = folder / FILE if (folder / FILE).is_file() else OWN
    try:
        with path.open(newline="") as lines:
            return [_row(line) for line in csv.DictReader(lines)]
    except (KeyError, ValueError, OSError) as error:
        raise SituationsError(f"{path} cannot be used: {error}") from error


def _row(line: dict[str, str]) -> Row:
    hour, minute = line["local_time"].split(":")
    start = DAY.replace(hour=int(hour), minute=int(minute))
    seconds, pictures = float(line["duration_seconds"]), int(line["pictures"])
    seen = [
        Seen(
            label, confidence, start + timedelta(seconds=seconds * number / max(pictures - 1, 1)), upload_id=f"{number}"
        )
        for number in range(pictures)
        for label, count, confidence in map(_seen, line["seen"].split(";"))
        for _ in range(count)
    ]
    days = int(line["days_in_ten_seen_at_this_hour"])
    context = Context(
        camera_id="camera",
        camera_name=line["camera"],
        started_at=start,
        ended_at=start + timedelta(seconds=seconds),
        seen=tuple(seen),
        image_count=pictures,
        place=line["place"],
        light=light_at(start),
        habits={("", group_of(one.label)): days for one in seen},
    )
    rank(line["wanted_level"])
    return Row(line["situation"], float(line["per_day"]), line["wanted_level"], context)


def _seen(text: str) -> tuple[str, int, float]:
    found = SEEN.fullmatch(text.strip())
    if not found:
        raise ValueError(f"{text!r} is not such as 'person x1 at 0.90'")
    return found["label"], int(found["count"]), float(found["confidence"])


def measure(rows: list[Row]) -> Report:
    """Return the shares of the levels on an ordinary day, how many rows have the wanted level, and each row."""
    judged = [(row, RulesAnalyzer().judge(row.context)) for row in rows]
    every = sum(row.per_day for row in rows)
    return {
        "rows": len(rows),
        "at_wanted_level": sum(_off(row, verdict) == 0 for row, verdict in judged),
        "off_by_two": sum(_off(row, verdict) > 1 for row, verdict in judged),
        "shares": {
            level: round(sum(row.per_day for row, verdict in judged if verdict.risk_level == level) / every, 4)
            for level in LEVELS
        },
        "situations": [
            {
                "situation": row.name,
                "wanted": row.wanted,
                "level": verdict.risk_level,
                "score": verdict.risk_score,
            }
            for row, verdict in judged
        ],
    }


def _off(row: Row, verdict: Verdict) -> int:
    """Return by how many levels the verdict differs from the wanted one."""
    return abs(rank(verdict.risk_level) - rank(row.wanted))


def table(report: Report) -> list[str]:
    """The report in lines for a person."""
    lines = [f"{'score':6}{'level':10}{'wanted':10}situation"]
    for one in report["situations"]:
        sign = "" if one["level"] == one["wanted"] else "  <-"
        lines.append(f"{one['score']:<6}{one['level']:10}{one['wanted']:10}{one['situation']}{sign}")
    shares = ", ".join(f"{level} {share:.1%}" for level, share in report["shares"].items())
    agreement = (
        f"{report['at_wanted_level']} of {report['rows']} at the wanted level, {report['off_by_two']} off by two"
    )
    return [*lines, f"situations: {agreement}; of an ordinary day: {shares}"]
