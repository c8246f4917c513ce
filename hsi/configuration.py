"""Reading the settings that `hsi/options.py` declares.

Values come from (first wins) the process environment, the file named by `HSI_RUNTIME_ENV_PATH`,
`.env`, and the default. A fault is a value out of range or of the wrong type: every fault is
collected, so that one start shows them all.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from ipaddress import ip_network
from pathlib import Path
from typing import Any, ClassVar
from urllib.parse import urlsplit
from zoneinfo import available_timezones

import environ

from hsi.options import SETTINGS, Setting, redact_url


@dataclass(slots=True)
class Configuration:
    """Values by name, where each came from, and what is wrong."""

    values: dict[str, Any] = field(default_factory=dict)
    sources: dict[str, str] = field(default_factory=dict)
    faults: list[str] = field(default_factory=list)


class ConfigurationError(SystemExit):
    """A setting cannot be used. The message has one line per fault; the process ends with it."""


def read(process: Mapping[str, str], files: Iterable[tuple[str, Path]]) -> Configuration:
    """Read every setting. `files` are (name for people, path), strongest first; absent ones are skipped."""
    result = Configuration()
    layers: list[tuple[str, Mapping[str, str]]] = [("process", process)]
    for name, path in files:
        try:
            layers.append((name, env_file(path)))
        except FileNotFoundError:
            continue
        except (OSError, UnicodeDecodeError) as error:
            result.faults.append(f"{path} ({name}): must be a readable text file in UTF-8: {type(error).__name__}")
    for setting in SETTINGS:
        _read_one(setting, layers, result)
    result.faults += contradictions(result.values)
    return result


def _read_one(setting: Setting, layers: list[tuple[str, Mapping[str, str]]], result: Configuration) -> None:
    value, source = setting.default, "default"
    for name, layer in layers:
        if raw := layer.get(setting.name, ""):
            source = name
            value, fault = parse(setting, raw)
            if fault:
                result.faults.append(f"{setting.name}={setting.shown(raw)!r} ({source}): must be {fault}")
            break
    result.values[setting.name], result.sources[setting.name] = value, source


def env_file(path: Path) -> dict[str, str]:
    """The variables of one env file, read by django-environ without touching `os.environ`. Raises OSError."""

    # django-environ writes to the class's ENVIRON, so the class is one of this call's own.
    class Scope(environ.Env):  # type: ignore[misc]  # the library is untyped
        ENVIRON: ClassVar[dict[str, str]] = {}

    with path.open(encoding="utf-8") as file:
        Scope.read_env(file)
    return Scope.ENVIRON


def parse(setting: Setting, raw: str) -> tuple[Any, str | None]:
    """(value, None), or (default, what is allowed) when `raw` does not fit."""
    raw = raw.strip()
    try:
        value: Any = _bool(raw) if setting.type is bool else environ.Env.parse_value(raw, setting.type)
    except ValueError:
        return setting.default, setting.allowed
    if setting.type is list:
        value = [part.strip() for part in value if part.strip()]
    if setting.minimum is not None and not setting.minimum <= value <= (setting.maximum or 0):
        return setting.default, setting.allowed
    if setting.choices and value not in setting.choices and "." not in value:
        return setting.default, setting.allowed
    return value, None


def _bool(raw: str) -> bool:
    word = raw.lower()
    if word not in {"1", "0", "true", "false", "yes", "no", "on", "off"}:
        raise ValueError(raw)
    return word in {"1", "true", "yes", "on"}


def contradictions(values: Mapping[str, Any]) -> list[str]:
    """Faults that a type and a range cannot tell, or that only show when two settings are read together."""
    faults = []
    if not values["SEVERITY_LOW_MAX"] < values["SEVERITY_MEDIUM_MAX"] < values["SEVERITY_HIGH_MAX"]:
        faults.append("SEVERITY_LOW_MAX, SEVERITY_MEDIUM_MAX, SEVERITY_HIGH_MAX: must rise in this order")
    if values["BATCH_IDLE_TIMEOUT_SECONDS"] > values["BATCH_WINDOW_SECONDS"]:
        faults.append("BATCH_IDLE_TIMEOUT_SECONDS: must not be longer than BATCH_WINDOW_SECONDS")
    if values["TIME_ZONE"] not in available_timezones():
        faults.append(f"TIME_ZONE={values['TIME_ZONE']!r}: must be a time zone such as Europe/Berlin")
    if not can_hold(Path(values["HSI_DATA_DIR"])):
        faults.append(f"HSI_DATA_DIR={values['HSI_DATA_DIR']!r}: must be a folder that this user may write to")
    wrong = [address for address in values["METRICS_ALLOWED_ADDRESSES"] if not is_network(address)]
    if wrong:
        faults.append(f"METRICS_ALLOWED_ADDRESSES={wrong[0]!r}: must be an address or a network such as 10.0.0.0/8")
    if values["LOG_FILE_PATH"] and not can_hold(Path(values["LOG_FILE_PATH"]).parent):
        faults.append(f"LOG_FILE_PATH={values['LOG_FILE_PATH']!r}: must be in a folder that this user may write to")
    for name, schemes in URL_SCHEMES.items():
        if values[name] and not is_address(values[name], schemes):
            faults.append(f"{name}={redact_url(values[name])!r}: must be an address with {' or '.join(schemes)}")
    return faults + access_faults(values)


def access_faults(values: Mapping[str, Any]) -> list[str]:
    """What is wrong with who is let in."""
    wrong = [text for text in values["TRUSTED_PROXY_IPS"] if not is_network(text, strict=False)]
    faults = [f"TRUSTED_PROXY_IPS={text!r}: must be addresses and networks such as 10.0.0.0/8" for text in wrong]
    strange = [origin for origin in values["CORS_ORIGINS"] if origin != "*" and not ORIGIN.fullmatch(origin)]
    faults += [f"CORS_ORIGINS={origin!r}: must be origins such as https://example.org, or *" for origin in strange]
    if not PREFIX.fullmatch(values["URL_PREFIX"]):
        faults.append(f"URL_PREFIX={values['URL_PREFIX']!r}: must be a path such as /hsi, without a slash at its end")
    if any(len(key) < SHORTEST_KEY for key in values["API_KEYS"]):
        faults.append(f"API_KEYS: each must have at least {SHORTEST_KEY} characters, or it could be guessed")
    if values["SECRET_KEY"] and is_guessable(values["SECRET_KEY"]):
        faults.append(
            f"SECRET_KEY: must have at least {SHORTEST_SECRET_KEY} random characters that do not repeat. "
            "Empty: one is made and kept"
        )
    return faults


def is_guessable(key: str) -> bool:
    """Whether a secret key is short, says of itself that it is insecure, or is a few characters over and over."""
    repeats = any(key[period:] == key[:-period] for period in range(1, len(key) // 2 + 1))
    few = len(set(key)) < FEWEST_CHARACTERS
    return len(key) < SHORTEST_SECRET_KEY or key.startswith(INSECURE_PREFIX) or repeats or few


URL_SCHEMES = {
    "DATABASE_URL": ("sqlite:///", "postgresql://", "postgres://", "postgresql+asyncpg://"),
    "REDIS_URL": ("redis://", "rediss://", "unix://"),
    "RTDETR_URL": ("http://", "https://"),
    "NEMOTRON_URL": ("http://", "https://"),
}
PREFIX = re.compile(r"(/[A-Za-z0-9_-][A-Za-z0-9._-]*)*")
ORIGIN = re.compile(r"https?://[^/\s@]+")
SHORTEST_KEY = 20
SHORTEST_SECRET_KEY = 40
# Different ones. Forty random digits have fewer than this once in ten thousand times.
FEWEST_CHARACTERS = 7
# What Django's own project template begins its key with.
INSECURE_PREFIX = "django-insecure-"
NEED_HOST = ("http", "redis")


def is_address(url: str, schemes: tuple[str, ...]) -> bool:
    """Whether `url` begins with one of `schemes` and names a host, or a file where none is needed."""
    try:
        parts = urlsplit(url)
        named = parts.hostname or (not url.startswith(NEED_HOST) and parts.path.strip("/"))
        return url.startswith(schemes) and bool(named) and parts.port != 0
    except ValueError:
        return False


def is_network(text: str, *, strict: bool = True) -> bool:
    """Whether `text` is an address or a network. `strict`: a network without bits of a host, so not 10.0.0.5/8."""
    try:
        ip_network(text, strict=strict)
    except ValueError:
        return False
    return True


def can_hold(folder: Path) -> bool:
    """Whether `folder` is one we may write to, or can be made."""
    folder = folder.absolute()
    while not folder.exists() and folder != folder.parent:
        folder = folder.parent
    return folder.is_dir() and os.access(folder, os.W_OK | os.X_OK)


def env_files() -> list[tuple[str, Path]]:
    """The files settings are read from, strongest first."""
    runtime = Path(os.environ.get("HSI_RUNTIME_ENV_PATH", "./data/runtime.env"))
    return [("runtime", runtime), (".env", Path(".env"))]
