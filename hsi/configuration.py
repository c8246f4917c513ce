"""Every setting of our own, declared once: this list drives reading, checks, docs and `show_config`.

Values come from (first wins) the process environment, the file named by `HSI_RUNTIME_ENV_PATH`,
`.env`, and the default. A fault is a value out of range or of the wrong type: every fault is
collected, so that one start shows them all.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, ClassVar
from urllib.parse import urlsplit, urlunsplit
from zoneinfo import available_timezones

import environ


@dataclass(frozen=True, slots=True)
class Setting:
    """One setting: its name is the environment variable and the attribute of `django.conf.settings`."""

    name: str
    type: type
    default: Any
    help: str
    minimum: float | None = None
    maximum: float | None = None
    choices: tuple[str, ...] = ()
    secret: bool = False

    @property
    def allowed(self) -> str:
        """What may stand here, in words."""
        if self.choices:
            return "one of " + ", ".join(self.choices)
        kind = {int: "a whole number", float: "a number", bool: "true or false", list: "a list with commas"}
        words = kind.get(self.type, "a text")
        if self.minimum is not None and self.maximum is not None:
            return f"{words} from {self.minimum:g} to {self.maximum:g}"
        return words

    def shown(self, value: Any) -> str:
        """The value as a person may see it: secrets masked, credentials in URLs removed."""
        if self.secret:
            return "********" if value else ""
        text = ",".join(map(str, value)) if isinstance(value, list) else str(value)
        return redact_url(text) if "://" in text else text


def redact_url(url: str) -> str:
    """`url` without its password. Text that is no URL comes back as it is."""
    try:
        parts = urlsplit(url)
        if parts.password is None:
            return url
        host = parts.netloc.rsplit("@", 1)[1]
        return urlunsplit(parts._replace(netloc=f"{parts.username}:********@{host}"))
    except ValueError:
        return "********"


S = Setting
SETTINGS: tuple[Setting, ...] = (
    # Application
    S("APP_NAME", str, "Home Security Intelligence", "Name shown in the browser."),
    S("DEBUG", bool, False, "Development mode. Never on a reachable address."),
    S("HSI_DEMO", bool, False, "Drawn cameras upload beside the real ones. Set by `up --demo`."),
    S("HSI_DATA_DIR", str, "./data", "Where the database, thumbnails, quarantine and secret key live."),
    S("SECRET_KEY", str, "", "Signs sessions and cursors. Empty: made once and kept in the data folder.", secret=True),
    S("ALLOWED_HOSTS", list, [], "Host names the site answers to. Empty: this machine's own names and addresses."),
    S("CSRF_TRUSTED_ORIGINS", list, [], "Origins (https://host) that a proxy in front presents."),
    S("TIME_ZONE", str, "UTC", "Time zone of pages, and of cameras that name none."),
    S("API_HOST", str, "0.0.0.0", "Address the web server listens on."),  # noqa: S104
    S("API_PORT", int, 8000, "Port the web server listens on.", 1, 65535),
    # Database and queues
    S(
        "DATABASE_URL",
        str,
        "",
        "sqlite:///path or postgresql://user:password@host/name. Empty: SQLite in the data folder.",
    ),
    S("REDIS_URL", str, "", "redis://host:6379/0 for the service mode. Empty: everything in one process."),
    S("QUEUE", str, "auto", "Queue backend, or a dotted path.", choices=("auto", "database")),
    S(
        "QUEUE_MAX_SIZE",
        int,
        10000,
        "Jobs a queue holds before it refuses more; refused work waits in its row.",
        1,
        10_000_000,
    ),
    S("JOB_MAX_ATTEMPTS", int, 5, "Tries before a failing job becomes a dead letter.", 1, 100),
    S(
        "JOB_LEASE_SECONDS",
        int,
        60,
        "After this long without a sign of life a job is given to another worker.",
        5,
        3600,
    ),
    S("SHUTDOWN_GRACE_SECONDS", int, 20, "How long a stop waits for work in hand.", 0, 600),
    # Camera files
    S("FOSCAM_BASE_PATH", str, "", "Folder with one folder per camera. Empty: `cameras` in the data folder."),
    S("CAMERA_AUTO_CREATE", bool, True, "An unknown folder becomes a camera."),
    S("FILE_WATCHER_POLLING", bool, False, "Scan instead of waiting for notifications (network shares send none)."),
    S("FILE_WATCHER_POLL_SECONDS", float, 2.0, "Time between scans when polling.", 0.2, 600),
    S("FILE_RESCAN_SECONDS", int, 120, "Time between full scans, which find what notifications missed.", 5, 86400),
    S("FILE_STABLE_SECONDS", float, 2.0, "A file nobody announced is complete when unchanged this long.", 0.2, 600),
    S("FILE_INCOMPLETE_SECONDS", float, 30.0, "A cut or empty file is refused only when unchanged this long.", 1, 3600),
    S("DEDUPE_TTL_SECONDS", int, 300, "The same bytes from a camera within this time are a duplicate.", 0, 31_536_000),
    S("IMAGE_MAX_BYTES", int, 32 * 1024**2, "Largest picture file.", 1024, 1024**3),
    S("IMAGE_MAX_PIXELS", int, 50_000_000, "Largest picture, width times height.", 1, 500_000_000),
    S("VIDEO_MAX_BYTES", int, 1024**3, "Largest clip.", 1024, 1024**4),
    S("VIDEO_FRAME_INTERVAL_SECONDS", float, 2.0, "Time between the frames of a clip that are looked at.", 0.1, 60),
    S("VIDEO_MAX_FRAMES", int, 30, "Most frames of one clip that are looked at.", 1, 1000),
    # Detection
    S(
        "DETECTOR",
        str,
        "auto",
        "Object detector, or a dotted path.",
        choices=("auto", "rtdetr", "deepstack", "onnx", "opencv"),
    ),
    S("DETECTOR_MODEL", str, "", "Path of an ONNX model (RT-DETR export)."),
    S("RTDETR_URL", str, "", "Detection service, e.g. http://localhost:8090."),
    S("RTDETR_API_KEY", str, "", "Sent as X-API-Key to the detection service.", secret=True),
    S("RTDETR_READ_TIMEOUT", float, 60.0, "Seconds a detection may take.", 10, 300),
    S("DETECTION_CONCURRENCY", int, 2, "Pictures one detection process works on at a time.", 1, 64),
    S("DETECTION_CONFIDENCE_THRESHOLD", float, 0.5, "Weaker detections are dropped.", 0, 1),
    S("FAST_PATH_CONFIDENCE_THRESHOLD", float, 0.90, "A detection this sure is told at once.", 0, 1),
    S("FAST_PATH_OBJECT_TYPES", list, ["person"], "Labels that take the fast path."),
    # Batches
    S("BATCH_WINDOW_SECONDS", int, 90, "Longest batch.", 1, 3600),
    S("BATCH_IDLE_TIMEOUT_SECONDS", int, 30, "A batch closes after this long without a detection.", 1, 3600),
    S("BATCH_MAX_DETECTIONS", int, 500, "A batch closes at this many detections.", 1, 100_000),
    S(
        "BACKFILL_AFTER_SECONDS",
        int,
        300,
        "Pictures taken longer ago than this are grouped by capture time.",
        30,
        86400,
    ),
    # Analysis
    S("ANALYZER", str, "auto", "Who judges a batch, or a dotted path.", choices=("auto", "llm", "rules")),
    S("NEMOTRON_URL", str, "", "Language model service, e.g. http://localhost:8091."),
    S("NEMOTRON_API", str, "auto", "Which API the language model speaks.", choices=("auto", "openai", "llamacpp")),
    S("NEMOTRON_API_KEY", str, "", "Sent as a bearer token to the language model.", secret=True),
    S("NEMOTRON_MODEL", str, "", "Model name to ask for. Empty: the first one the service offers."),
    S("NEMOTRON_READ_TIMEOUT", float, 120.0, "Seconds a judgement may take.", 30, 600),
    S("NEMOTRON_MAX_TOKENS", int, 600, "Longest answer, in tokens.", 64, 8192),
    S("ANALYSIS_CONCURRENCY", int, 1, "Batches one analysis process judges at a time.", 1, 64),
    S("AI_CONNECT_TIMEOUT", float, 10.0, "Seconds to connect to an AI service.", 1, 60),
    S("AI_HEALTH_TIMEOUT", float, 5.0, "Seconds a health check of an AI service may take.", 1, 30),
    S("SEVERITY_LOW_MAX", int, 29, "Highest score that is low.", 0, 100),
    S("SEVERITY_MEDIUM_MAX", int, 59, "Highest score that is medium.", 0, 100),
    S("SEVERITY_HIGH_MAX", int, 84, "Highest score that is high; above is critical.", 0, 100),
    # Web
    S("WEBSOCKET_IDLE_TIMEOUT_SECONDS", int, 300, "A client that answers nothing this long is closed.", 10, 86400),
    S("WEBSOCKET_PING_INTERVAL_SECONDS", int, 30, "Time between pings.", 1, 3600),
    S(
        "WEBSOCKET_MAX_MESSAGE_SIZE",
        int,
        64 * 1024,
        "Largest message taken from a client, in bytes.",
        256,
        16 * 1024**2,
    ),
    S("LOG_LEVEL", str, "INFO", "Least severe log line.", choices=("DEBUG", "INFO", "WARNING", "ERROR", "CRITICAL")),
)


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
    for name, schemes in URL_SCHEMES.items():
        if values[name] and not is_address(values[name], schemes):
            faults.append(f"{name}={redact_url(values[name])!r}: must be an address with {' or '.join(schemes)}")
    return faults


URL_SCHEMES = {
    "DATABASE_URL": ("sqlite:///", "postgresql://", "postgres://", "postgresql+asyncpg://"),
    "REDIS_URL": ("redis://", "rediss://", "unix://"),
    "RTDETR_URL": ("http://", "https://"),
    "NEMOTRON_URL": ("http://", "https://"),
}
NEED_HOST = ("http", "redis")


def is_address(url: str, schemes: tuple[str, ...]) -> bool:
    """Whether `url` begins with one of `schemes` and names a host, or a file where none is needed."""
    try:
        parts = urlsplit(url)
        named = parts.hostname or (not url.startswith(NEED_HOST) and parts.path.strip("/"))
        return url.startswith(schemes) and bool(named) and parts.port != 0
    except ValueError:
        return False


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
