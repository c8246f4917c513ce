"""Names that were set but are not settings: misspelt names, and names of other versions or programs.

In our files every unknown name is reported. The environment of a process contains many names of other programs, so
there only names that resemble ours are reported.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from difflib import get_close_matches
from typing import Any

from hsi.config.options import SETTINGS

NAMES = frozenset(setting.name for setting in SETTINGS)
# Names that are read from the process environment only.
PROCESS_ONLY = frozenset(
    {"HSI_RUNTIME_ENV_PATH", "DJANGO_SUPERUSER_USERNAME", "DJANGO_SUPERUSER_PASSWORD", "DJANGO_SUPERUSER_EMAIL"}
)
# Names for other readers: `docker compose` (the file beside compose.yaml), the tests, and every program.
COMPOSE = frozenset({"POSTGRES_PASSWORD", "CAMERA_FOLDER", "PORT", "SUBNET", "SITE_ADDRESS"})
OF_OTHERS = COMPOSE | {"TZ", "TEST_DATABASE_URL", "TEST_REDIS_URL", "TEST_MODEL_SOURCE"}
COMPOSE_PREFIX = "COMPOSE_"
# Prefixes of our names that no other program uses.
PREFIXES = (
    "BACKFILL_", "BATCH_", "CIRCUIT_", "FAST_PATH_", "FILE_WATCHER_", "FOSCAM_", "NEMOTRON_", "NOTIFICATION_",
    "RATE_LIMIT_", "RETENTION_", "RTDETR_", "SEVERITY_", "WEBSOCKET_",
)  # fmt: skip
# A common prefix. Alone it means nothing, because tools around the system use names with HSI_.
OWN_PREFIX = "HSI_"
HABITS = (OWN_PREFIX, "DJANGO_")
# Settings without effect unless another one is set.
NEEDS = {
    "API_KEYS": "API_KEY_ENABLED",
    "HSTS_SECONDS": "HTTPS_ONLY",
    "REDIS_KEY_PREFIX": "REDIS_URL",
    "FILE_WATCHER_POLL_SECONDS": "FILE_WATCHER_POLLING",
    "RTDETR_API_KEY": "RTDETR_URL",
    **dict.fromkeys(("NEMOTRON_API", "NEMOTRON_API_KEY", "NEMOTRON_MODEL", "NEMOTRON_FALLBACK_URL"), "NEMOTRON_URL"),
    **dict.fromkeys(("NEMOTRON_FALLBACK_MODEL", "NEMOTRON_FALLBACK_API_KEY"), "NEMOTRON_FALLBACK_URL"),
    **dict.fromkeys(("SMTP_PORT", "SMTP_USER", "SMTP_PASSWORD", "SMTP_FROM_ADDRESS"), "SMTP_HOST"),
    **dict.fromkeys(("LOG_FILE_MAX_BYTES", "LOG_FILE_BACKUP_COUNT"), "LOG_FILE_PATH"),
    "LOG_DB_MIN_LEVEL": "LOG_DB_ENABLED",
}
CLOSE = 0.8
CLOSE_WITH_PREFIX = 0.7  # HSI_DATA_PATH is meant for this system


def in_file(source: str, names: Iterable[str]) -> list[str]:
    """Return one line for each of `names`, the names in our file, that is not used."""
    unused = []
    for name in names:
        if name in PROCESS_ONLY:
            unused.append(f"{name} ({source}) is set and not used: it is read from the environment of the process only")
        elif name not in NAMES | OF_OTHERS and not name.startswith(COMPOSE_PREFIX):
            unused.append(_line(name, source))
    return unused


def in_process(names: Iterable[str]) -> list[str]:
    """Return the same for names in the process environment that resemble ours."""
    known = NAMES | OF_OTHERS | PROCESS_ONLY
    return [_line(name, "process") for name in names if name not in known and looks_like_ours(name)]


def without_effect(values: Mapping[str, Any], sources: Mapping[str, str]) -> list[str]:
    """Return one line for each setting that has no effect until another one is set."""
    return [
        f"{name} ({sources[name]}) has no effect without {needed}"
        for name, needed in NEEDS.items()
        if sources[name] != "default" and not values[needed]
    ]


def looks_like_ours(name: str) -> bool:
    return name.upper().startswith(PREFIXES) or bool(closest(name))


def closest(name: str) -> str:
    """Return the name that was probably meant, or an empty string."""
    plain = name.strip().strip("\ufeff\u200b").upper().replace("-", "_").replace(".", "_")
    bare = next((plain.removeprefix(habit) for habit in HABITS if plain.startswith(habit)), "")
    found = get_close_matches(bare, NAMES, 1, CLOSE) if bare else []
    found = found or get_close_matches(plain, [*NAMES, *PROCESS_ONLY], 1, CLOSE)
    if not found and plain.startswith(OWN_PREFIX):
        found = get_close_matches(plain, [one for one in NAMES if one.startswith(OWN_PREFIX)], 1, CLOSE_WITH_PREFIX)
    return found[0] if found else ""


def _line(name: str, source: str) -> str:
    meant = closest(name)
    printable = name if name.isprintable() and name.isascii() else ascii(name)
    question = f"; did you mean {meant}?" if meant else ""
    return f"{printable} ({source}) is set and not used: no setting has this name{question}"
