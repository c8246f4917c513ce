"""Serve REST and pages with WSGI workers, for the service mode behind a proxy."""

from __future__ import annotations

import os
import sys
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandParser

from hsi.server import web


class Command(BaseCommand):
    help = "Run gunicorn with pages and REST, without WebSockets. The proxy must route /ws/ to `serve`."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--host", default=settings.API_HOST)
        parser.add_argument("--port", type=int, default=settings.API_PORT)

    def handle(self, *args: Any, **options: Any) -> None:
        web.claim_port(options["host"], options["port"])
        host = f"[{options['host']}]" if ":" in options["host"] else options["host"]
        command = [sys.executable, "-m", "gunicorn", "--config", "python:hsi.server.gunicorn_conf"]
        # Replace this process: gunicorn must not fork from a process in which threads run.
        os.execv(sys.executable, [*command, "--bind", f"{host}:{options['port']}", "hsi.wsgi:application"])  # noqa: S606
