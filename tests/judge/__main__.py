"""Measure the judgement, print its tables, write `judge.json`."""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path

import django

ROOT = Path(__file__).resolve().parent.parent.parent
DEFAULT_PICTURES = ROOT.parent / "shared" / "judgement"
DEFAULT_FOOTAGE = ROOT.parent / "shared" / "footage"


def main() -> int:
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "hsi.settings")
    django.setup()
    from tests.judge import detection, footage, pictures, situations

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
    for lines in (detection.table(found), footage.table(filmed), situations.table(judged)):
        print("\n".join([*lines, ""]))  # noqa: T201 - this is its output
    content = {"pictures": str(folder), "detection": found, "footage": filmed, "situations": judged}
    (ROOT / "judge.json").write_text(json.dumps(content, indent=1) + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
