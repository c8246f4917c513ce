"""One group in this process: `python -m tests.bench.group MODULE` prints a JSON object a figure."""

from __future__ import annotations

import json
import os
import sys
from dataclasses import asdict
from importlib import import_module

import django
from django.core.management import call_command


def main(module: str) -> None:
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "hsi.settings")
    django.setup()
    call_command("migrate", verbosity=0)
    for figure in import_module(module).figures():
        print(json.dumps(asdict(figure)), flush=True)  # noqa: T201 (this is its output)


if __name__ == "__main__":
    main(sys.argv[1])
