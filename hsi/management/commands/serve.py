"""The web server alone, for the service mode."""

from __future__ import annotations

from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandParser

from hsi.config import private_files
from hsi.server import web


class Command(BaseCommand):
    help = "Runs the web server alone: pages, API and sockets. The loops run in processes of their own."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--host", default=settings.API_HOST)
        parser.add_argument("--port", type=int, default=settings.API_PORT)

    def handle(self, *args: Any, **options: Any) -> None:
        web.claim_port(options["host"], options["port"])
        private_files.tighten()
        web.serve(options["host"], options["port"])
