"""Run everything in one process: migrate, check, then run the worker loops in threads beside the web server."""

from __future__ import annotations

import os
import sys
from typing import Any

from django.conf import settings
from django.contrib.auth import get_user_model
from django.core.management import call_command
from django.core.management.base import BaseCommand, CommandError, CommandParser

from hsi.config import private_files
from hsi.db import sqlite_file
from hsi.http.url_prefix import link
from hsi.queues import database
from hsi.server import web
from hsi.views import setup_path
from hsi.workers import runner

# Settings that `--demo` changes for this process. Short batches bring the first event within a minute.
DEMO = {
    "HSI_DEMO": "true",
    "HSI_DATA_DIR": "./data/demo",
    "BATCH_WINDOW_SECONDS": "20",
    "BATCH_IDLE_TIMEOUT_SECONDS": "6",
}


class Command(BaseCommand):
    help = "Run the whole system in the foreground. Ctrl-C stops it cleanly."
    requires_system_checks = ()  # they run after the migrations

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--host", default=settings.API_HOST)
        parser.add_argument("--port", type=int, default=settings.API_PORT)
        parser.add_argument(
            "--demo", action="store_true", help="Run with simulated cameras and a separate data folder."
        )
        parser.add_argument("--get-model", action="store_true", help="Fetch a detection model first if there is none.")

    def handle(self, *args: Any, **options: Any) -> None:
        if options["demo"] and not settings.HSI_DEMO:
            # Settings are read once at the start of a process, so start again with the settings of the demo.
            os.execve(sys.executable, [sys.executable, *sys.argv], DEMO | os.environ | {"HSI_DEMO": "true"})  # noqa: S606
        with web.lock_folder(settings.DATA_DIR):
            self._run(options["host"], options["port"], get_model=options["get_model"])

    def _run(self, host: str, port: int, *, get_model: bool) -> None:
        web.claim_port(host, port)
        private_files.tighten()
        with sqlite_file.sound_database(settings.DATA_DIR):
            call_command("migrate", verbosity=0, interactive=False)
            self._first_administrator()
            self.check(display_num_errors=True)
        if get_model:
            call_command("get_model", if_needed=True)
        self._greet(host, port)
        database.alone()
        web.serve(host, port, runner.embedded_loops())
        self.stdout.write("Stopped.")

    def _first_administrator(self) -> None:
        """Create the administrator named in the environment, if there is no user yet."""
        if os.environ.get("DJANGO_SUPERUSER_USERNAME") and not get_user_model().objects.exists():
            if not os.environ.get("DJANGO_SUPERUSER_PASSWORD"):
                raise CommandError("DJANGO_SUPERUSER_USERNAME is set but DJANGO_SUPERUSER_PASSWORD is not.")
            os.environ.setdefault("DJANGO_SUPERUSER_EMAIL", "")
            call_command("createsuperuser", interactive=False, verbosity=0)

    def _greet(self, host: str, port: int) -> None:
        shown = "localhost" if host in {"0.0.0.0", "::", "127.0.0.1"} else host  # noqa: S104
        url = f"http://{shown}:{port}"
        named = "" if settings.CONFIGURATION.sources["TIME_ZONE"] != "default" else ", that of this machine"
        lines = [
            f"{settings.APP_NAME} on {url}{link('/')}",
            f"Camera folders: {settings.CAMERA_ROOT}",
            f"Time zone: {settings.TIME_ZONE}{named}",
        ]
        if not get_user_model().objects.exists():
            lines.append(f"First start: open this link to create the first administrator:\n\n    {url}{setup_path()}\n")
        self.stdout.write("\n".join(lines))
        self.stdout.flush()
