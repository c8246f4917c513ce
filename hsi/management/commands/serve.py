"""Run the web server without the worker loops, for the service mode."""

from __future__ import annotations

from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandParser

from hsi.config import private_files
from hsi.server import web


class Command(BaseCommand):
    help = "Run the web server with pages, API and WebSockets. The worker loops run in other processes."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--host", default=settings.API_HOST)
        parser.add_argument("--port", type=int, default=settings.API_PORT)

    def handle(self, *args: Any, **options: Any) -> None:
        web.claim_port(options["host"], options["port"])
        private_files.tighten()
        web.serve(options["host"], options["port"])
