"""Read the settings that `hsi/config/options.py` declares.

The first source with a value wins: the process environment, the file named by `HSI_RUNTIME_ENV_PATH`, `.env`, the
default. A fault is a value out of range or of the wrong type. All faults are collected, so that one start reports all
of them.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from ipaddress import ip_network
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit
from zoneinfo import available_timezones

from hsi.config import unused_settings
from hsi.config.env_file import read_env_file
from hsi.config.options import SETTINGS, Setting, redact_url
from hsi.config.parsing import parse, remark
from hsi.config.time_zone import machine_zone


@dataclass(slots=True)
class Configuration:
    """Values by name, their sources, and their faults.

    `remarks` describe values in undocumented forms, and settings without effect. `wrong_lines` and `names` list the
    malformed lines and the names of each source: see `unused_lines`.
    """

    values: dict[str, Any] = field(default_factory=dict)
    sources: dict[str, str] = field(default_factory=dict)
    faults: list[str] = field(default_factory=list)
    remarks: list[str] = field(default_factory=list)
    wrong_lines: list[str] = field(default_factory=list)
    names: dict[str, tuple[str, ...]] = field(default_factory=dict)

    def unused_lines(self) -> list[str]:
        """Return one line for each name or line without effect."""
        lines = list(self.wrong_lines)
        for source, names in self.names.items():
            lines += unused_settings.in_process(names) if source == PROCESS else unused_settings.in_file(source, names)
        return lines


PROCESS = "process"
RUNTIME = "HSI_RUNTIME_ENV_PATH"


class ConfigurationError(SystemExit):
    """Some settings are not valid. The message has one line per fault, and the process exits with it."""

    def __init__(self, configuration: Configuration) -> None:
        faults, unused_lines = configuration.faults, configuration.unused_lines()
        also = ["Set and not used:", *(f"  {line}" for line in unused_lines)] if unused_lines else []
        super().__init__("\n".join(["Settings that cannot be used:", *(f"  {fault}" for fault in faults), *also]))


def read(process: Mapping[str, str], files: Iterable[tuple[str, Path]]) -> Configuration:
    """Read every setting. `files` are (display name, path) with the strongest first; missing ones are skipped."""
    result = Configuration()
    layers: list[tuple[str, Mapping[str, str]]] = [(PROCESS, process)]
    for name, path in files:
        try:
            file = read_env_file(path)
        except FileNotFoundError:
            if process.get(RUNTIME) == str(path):
                result.remarks.append(f"{RUNTIME} ({PROCESS}) names a file that is not there: {path}")
            continue
        except (OSError, UnicodeDecodeError) as error:
            result.faults.append(f"{path} ({name}): must be a readable text file in UTF-8: {type(error).__name__}")
            continue
        layers.append((name, file.values))
        result.wrong_lines += [f"{path} ({name}): {words}" for words in file.wrong]
    result.names = {name: tuple(layer) for name, layer in layers}
    for setting in SETTINGS:
        _read_one(setting, layers, result)
    result.values["TIME_ZONE"] = result.values["TIME_ZONE"] or machine_zone(_first("TZ", layers)[0])
    result.faults += contradictions(result.values)
    result.remarks += unused_settings.without_effect(result.values, result.sources)
    return result


def _first(name: str, layers: list[tuple[str, Mapping[str, str]]]) -> tuple[str, str]:
    """Return (text, source) of the strongest source with a value, or empty texts."""
    return next(((raw, source) for source, layer in layers if (raw := layer.get(name, ""))), ("", ""))


def _read_one(setting: Setting, layers: list[tuple[str, Mapping[str, str]]], result: Configuration) -> None:
    value, (raw, source) = setting.default, _first(setting.name, layers)
    if raw:
        value, fault = parse(setting, raw)
        if fault:
            result.faults.append(f"{setting.name}={setting.shown(raw)!r} ({source}): must be {fault}")
        elif said := remark(setting, raw, value):
            result.remarks.append(f"{setting.name}={setting.shown(raw)!r} ({source}) {said}")
    result.values[setting.name], result.sources[setting.name] = value, source or "default"


def contradictions(values: Mapping[str, Any]) -> list[str]:
    """Return faults that types and ranges cannot express, or that involve two settings."""
    faults = []
    if not values["SEVERITY_LOW_MAX"] < values["SEVERITY_MEDIUM_MAX"] < values["SEVERITY_HIGH_MAX"]:
        faults.append("SEVERITY_LOW_MAX, SEVERITY_MEDIUM_MAX, SEVERITY_HIGH_MAX: must rise in this order")
    if values["BATCH_IDLE_TIMEOUT_SECONDS"] > values["BATCH_WINDOW_SECONDS"]:
        faults.append("BATCH_IDLE_TIMEOUT_SECONDS: must not be longer than BATCH_WINDOW_SECONDS")
    if values["TIME_ZONE"] not in available_timezones():
        faults.append(f"TIME_ZONE={values['TIME_ZONE']!r}: must be a time zone such as Europe/Berlin")
    faults += coordinate_faults(values)
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


def coordinate_faults(values: Mapping[str, Any]) -> list[str]:
    """Return faults of the coordinates of the site, which are texts so that they can be empty."""
    faults = []
    for name, highest in (("LATITUDE", 90), ("LONGITUDE", 180)):
        text = values[name]
        if text and not (DEGREES.fullmatch(text) and abs(float(text)) <= highest):
            faults.append(f"{name}={text!r}: must be a number of degrees from -{highest} to {highest}, such as 13.4")
    if bool(values["LATITUDE"]) != bool(values["LONGITUDE"]):
        faults.append("LATITUDE, LONGITUDE: one of them alone says nothing; set both or neither")
    return faults


def access_faults(values: Mapping[str, Any]) -> list[str]:
    """Return faults of the settings about access."""
    faults = []
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
    """Return whether a secret key is short, calls itself insecure, or repeats a few characters."""
    repeats = any(key[period:] == key[:-period] for period in range(1, len(key) // 2 + 1))
    few = len(set(key)) < FEWEST_CHARACTERS
    return len(key) < SHORTEST_SECRET_KEY or key.startswith(INSECURE_PREFIX) or repeats or few


URL_SCHEMES = {
    "DATABASE_URL": ("sqlite:///", "postgresql://", "postgres://", "postgresql+asyncpg://"),
    "REDIS_URL": ("redis://", "rediss://", "unix://"),
    "RTDETR_URL": ("http://", "https://"),
    "NEMOTRON_URL": ("http://", "https://"),
    "NEMOTRON_FALLBACK_URL": ("http://", "https://"),
}
DEGREES = re.compile(r"-?[0-9]{1,3}(\.[0-9]{1,12})?")
PREFIX = re.compile(r"(/[A-Za-z0-9_-][A-Za-z0-9._-]*)*")
SHORTEST_KEY = 20
SHORTEST_SECRET_KEY = 40
# Number of different characters. Forty random digits have fewer once in ten thousand cases.
FEWEST_CHARACTERS = 7
# Prefix of the key in the project template of Django.
INSECURE_PREFIX = "django-insecure-"
NEED_HOST = ("http", "redis")


def is_address(url: str, schemes: tuple[str, ...]) -> bool:
    """Return whether `url` has one of `schemes` and a host (or a file, if no host is needed)."""
    try:
        parts = urlsplit(url)
        named = parts.hostname or (not url.startswith(NEED_HOST) and parts.path.strip("/"))
        return url.startswith(schemes) and bool(named) and parts.port != 0
    except ValueError:
        return False


def is_network(text: str) -> bool:
    """Return whether `text` is an address, or a network without host bits (so not 10.0.0.5/8)."""
    try:
        ip_network(text)
    except ValueError:
        return False
    return True


def can_hold(folder: Path) -> bool:
    """Return whether `folder` is writable, or can be created."""
    folder = folder.absolute()
    while not folder.exists() and folder != folder.parent:
        folder = folder.parent
    return folder.is_dir() and os.access(folder, os.W_OK | os.X_OK)


def env_files() -> list[tuple[str, Path]]:
    """Return the files with settings, strongest first."""
    runtime = Path(os.environ.get(RUNTIME, "./data/runtime.env"))
    return [("runtime", runtime), (".env", Path(".env"))]
