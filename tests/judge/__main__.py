"""Measure the judgement, print its tables, write `judge.json`."""

from __future__ import annotations

import json
import os
import sys
import tempfile
from pathlib import Path
from typing import Any

import django
from django.core.management import call_command

ROOT = Path(__file__).resolve().parent.parent.parent
DEFAULT_PICTURES = ROOT.parent / "shared" / "judgement"
DEFAULT_FOOTAGE = ROOT.parent / "shared" / "footage"


def main() -> int:
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "hsi.settings")
    with tempfile.TemporaryDirectory() as scratch:
        # What is known of a language model server is a row, so the measurement has a database of its own.
        os.environ["DATABASE_URL"] = f"sqlite:///{scratch}/judge.sqlite3"
        django.setup()
        call_command("migrate", verbosity=0)
        return measure()


def measure() -> int:
    """Measure everything. Return the exit code."""
    from tests.judge import detection, footage, model, pictures, situations, visits

    folder = Path(os.environ.get("JUDGE_PICTURES") or DEFAULT_PICTURES)
    videos = Path(os.environ.get("JUDGE_FOOTAGE") or DEFAULT_FOOTAGE)
    try:
        rows = situations.read(folder)
        labelled = pictures.read(folder)
    except situations.SituationsError as error:
        print(error, file=sys.stderr)  # noqa: T201
        return 2
    except pictures.PicturesError as error:
        print(f"{error} Set JUDGE_PICTURES to a folder with pictures/ and truth.json.", file=sys.stderr)  # noqa: T201
        return 2
    detectors = list(detection.installed())
    found = detection.measure(labelled, detectors)
    filmed = footage.measure(videos, detectors, labelled)
    judged = situations.measure(rows)
    visited = visits.measure(videos, [one for one in detectors if one[0] != "opencv"])  # it takes too long
    checks, answers = model.measure_checks(rows), model.measure_model(rows)
    for lines in (
        detection.table(found), footage.table(filmed), visits.table(visited), situations.table(judged),
        model.table(checks, answers),
    ):  # fmt: skip
        print("\n".join([*lines, ""]))  # noqa: T201 - this is its output
    content: dict[str, Any] = {"pictures": str(folder), "detection": found, "footage": filmed, "situations": judged}
    content |= {"visits": visited, "checks": checks, "language_model": answers}
    (ROOT / "judge.json").write_text(json.dumps(content, indent=1) + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
