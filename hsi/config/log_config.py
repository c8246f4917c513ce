"""Destinations of log lines: always the console, and a file and the database if the settings enable them."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from hsi.config.options import LEVELS

OURS = ("hsi", "cameras", "detection", "events", "monitoring")
# Log levels of libraries.
LIBRARIES = {
    "django.channels.server": "WARNING",
    "django.request": "ERROR",
    "django.security": "CRITICAL",  # each line is a rejected request; `hsi.http.refusal_log` counts them
    "daphne": "WARNING",
    "httpx": "WARNING",
    "httpcore": "INFO",
    "apprise": "CRITICAL",  # its lines contain topics and tokens; `pinned_requests` logs the answers
    "urllib3": "INFO",
    "watchdog": "WARNING",
    "PIL": "INFO",
    "libav": "CRITICAL",
}


def logging_config(values: Mapping[str, Any]) -> dict[str, Any]:
    """Return Django's LOGGING for our settings. Our loggers use the lowest level of all handlers."""
    handlers = _handlers(values)
    most = min((handler["level"] for handler in handlers.values()), key=LEVELS.index)
    levels = {**dict.fromkeys(OURS, most), **LIBRARIES}
    return {
        "version": 1,
        "disable_existing_loggers": False,
        "formatters": {
            "line": {"()": "hsi.logs.formatters.LineFormatter"},
            "json": {"()": "hsi.logs.formatters.JsonFormatter"},
        },
        "handlers": handlers,
        "root": {"handlers": list(handlers), "level": values["LOG_LEVEL"]},
        "loggers": {name: {"level": level} for name, level in levels.items()},
    }


def _handlers(values: Mapping[str, Any]) -> dict[str, dict[str, Any]]:
    level = values["LOG_LEVEL"]
    handlers: dict[str, dict[str, Any]] = {
        "console": {"class": "logging.StreamHandler", "formatter": "line", "level": level}
    }
    if values["LOG_FILE_PATH"]:
        path = Path(values["LOG_FILE_PATH"]).absolute()
        path.parent.mkdir(parents=True, exist_ok=True)
        handlers["file"] = {
            "class": "logging.handlers.RotatingFileHandler", "formatter": "json", "level": level, "filename": path,
            "maxBytes": values["LOG_FILE_MAX_BYTES"], "backupCount": values["LOG_FILE_BACKUP_COUNT"],
            "encoding": "utf-8", "delay": True,
        }  # fmt: skip
    if values["LOG_DB_ENABLED"]:
        handlers["database"] = {"class": "hsi.logs.buffer.BufferHandler", "level": values["LOG_DB_MIN_LEVEL"]}
    return handlers
