"""Every setting of our own, declared once: this list drives reading, checks, docs and `show_config`."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit, urlunsplit


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
    # What the items of a list are: a key of `hsi.config.values.ITEMS`.
    items: str = ""
    # May change while the system runs (`hsi.live_settings`): whoever needs it reads it anew each time.
    live: bool = False

    @property
    def allowed(self) -> str:
        """What may stand here, in words."""
        if self.choices:
            return "one of " + ", ".join(self.choices)
        kind = {int: "a whole number", float: "a number", bool: "true or false", list: "a list with commas"}
        words = kind.get(self.type, "a text")
        if self.minimum is not None and self.maximum is not None:
            return f"{words} from {_number(self.minimum)} to {_number(self.maximum)}"
        return words

    def shown(self, value: Any) -> str:
        """The value as a person may see it: secrets masked, credentials in URLs removed."""
        if self.secret:
            return "********" if value else ""
        text = ",".join(map(str, value)) if isinstance(value, list) else str(value)
        return redact_url(text) if "://" in text else text


def _number(value: float) -> str:
    return f"{value:,.0f}" if value == int(value) else f"{value:g}"


_KEYS = re.compile(r"(?i)([?&][^=&]{0,40}(?:token|key|secret|pass|auth|sig)[^=&]{0,40}=)[^&#]+")


def redact_url(url: str) -> str:
    """`url` without its password, and without keys among its parameters. Text that is no URL comes back as it is."""
    url = _KEYS.sub(r"\1********", url)
    try:
        parts = urlsplit(url)
        if parts.password is None:
            return url
        host = parts.netloc.rsplit("@", 1)[1]
        return urlunsplit(parts._replace(netloc=f"{parts.username}:********@{host}"))
    except ValueError:
        return "********"


S = Setting
LEVELS = ("DEBUG", "INFO", "WARNING", "ERROR", "CRITICAL")
# fmt: off
SETTINGS: tuple[Setting, ...] = (
    # Application
    S("APP_NAME", str, "Home Security Intelligence", "Name shown in the browser."),
    S("DEBUG", bool, False, "Development mode. Never on a reachable address."),
    S("HSI_DEMO", bool, False, "Drawn cameras upload beside the real ones. Set by `up --demo`."),
    S("HSI_DATA_DIR", str, "./data", "Where the database, thumbnails, quarantine and secret key live."),
    S("SECRET_KEY", str, "", "Signs sessions and cursors; at least 40 random characters. Empty: made once and kept in the data folder.", secret=True),
    S("ALLOWED_HOSTS", list, [], "Host names the site answers to. Empty: this machine's own names and addresses.", items="host"),
    S("CSRF_TRUSTED_ORIGINS", list, [], "Origins (https://host) that a proxy in front presents.", items="origin"),
    S("TIME_ZONE", str, "", "Time zone of pages, and of cameras that name none. Empty: this machine's own (`TZ`, `/etc/localtime`), else UTC."),
    S("API_HOST", str, "0.0.0.0", "Address the web server listens on."),  # noqa: S104
    S("API_PORT", int, 8000, "Port the web server listens on.", 1, 65535),
    S("API_WORKERS", int, 0, "Processes of serve_wsgi. 0: one a processor.", 0, 256),
    S("API_THREADS", int, 8, "Requests that each of them works on at a time.", 1, 256),
    S("URL_PREFIX", str, "", "Path below which the site is served, e.g. /hsi behind a proxy. Empty: the whole host."),
    # Who may come, and how often
    S("HTTPS_ONLY", bool, False, "People reach the site by https alone: cookies are Secure, and HSTS is sent."),
    S("HSTS_SECONDS", int, 30 * 86400, "How long browsers remember that, with HTTPS_ONLY.", 0, 10 * 365 * 86400),
    S("TRUSTED_PROXY_IPS", list, [], "Addresses and networks of proxies whose X-Forwarded-For and -Proto count.", items="network"),
    S("CORS_ORIGINS", list, [], "Origins of other sites whose pages may use the API. `*`: all, without cookies.", items="exact origin"),
    S("API_KEY_ENABLED", bool, False, "The keys of API_KEYS are let in."),
    S("API_KEYS", list, [], "Keys for programs without a user: they read and change what concerns all cameras.", items="key", secret=True),
    S("LOGIN_FAILURE_LIMIT", int, 5, "Wrong passwords for a name from one address, four times as many for all names.", 1, 1000, live=True),
    S("LOGIN_LOCKOUT_MINUTES", int, 15, "How long a wrong password counts, and who gave too many waits.", 1, 1440, live=True),
    S("RATE_LIMIT_ENABLED", bool, True, "Requests are counted and limited.", live=True),
    S("RATE_LIMIT_REQUESTS_PER_MINUTE", int, 60, "Of a token or an address; five times as many of a person's session.", 1, 1_000_000, live=True),
    S("RATE_LIMIT_BURST", int, 10, "So many more are let through at once, of each kind.", 0, 100_000, live=True),
    S("RATE_LIMIT_MEDIA_REQUESTS_PER_MINUTE", int, 120, "The same for pictures, clips and files.", 1, 1_000_000, live=True),
    S("RATE_LIMIT_SEARCH_REQUESTS_PER_MINUTE", int, 30, "The same for searches.", 1, 1_000_000, live=True),
    S("RATE_LIMIT_EXPORT_REQUESTS_PER_MINUTE", int, 10, "The same for exports.", 1, 1_000_000, live=True),
    S("RATE_LIMIT_UPLOAD_REQUESTS_PER_MINUTE", int, 600, "The same for files that come in by HTTP.", 1, 1_000_000, live=True),
    S("RATE_LIMIT_AI_REQUESTS_PER_MINUTE", int, 10, "The same for what makes an AI service or a receiver work.", 1, 1_000_000, live=True),
    S("RATE_LIMIT_WEBSOCKET_CONNECTIONS_PER_MINUTE", int, 10, "New sockets of one address or token.", 1, 1_000_000, live=True),
    S("RATE_LIMIT_WRONG_TOKENS_PER_MINUTE", int, 10, "Wrong tokens and sessions of one address; then only known ones are looked up.", 1, 1_000_000, live=True),
    S("REQUEST_TIMEOUT_SECONDS", int, 30, "A request must arrive within this, or keep coming at 8 KiB/s.", 1, 3600, live=True),
    S("REQUEST_BODIES_MAX", int, 200, "Request bodies that arrive at a time in one web process.", 1, 100_000, live=True),
    S("REQUEST_BODIES_MAX_PER_CLIENT", int, 16, "Of them, from one address.", 1, 100_000, live=True),
    S("REQUEST_BODIES_MAX_BYTES", int, 4 * 1024**3, "All of them together. A single body of the allowed size always fits.", 1024, 1024**4, live=True),
    S("REQUEST_BODIES_MAX_BYTES_PER_CLIENT", int, 2 * 1024**3, "Those of one address together.", 1024, 1024**4, live=True),
    # Database and queues
    S("DATABASE_URL", str, "", "sqlite:///path or postgresql://user:password@host/name. Empty: SQLite in the data folder."),
    S("DATABASE_POOL_SIZE", int, 5, "PostgreSQL connections a process may hold.", 5, 100),
    S("DATABASE_POOL_OVERFLOW", int, 15, "More of them under load.", 0, 100),
    S("DATABASE_POOL_TIMEOUT", int, 5, "Seconds to wait for one that is free.", 5, 120),
    S("DATABASE_POOL_RECYCLE", int, 1800, "Seconds after which a connection is replaced.", 300, 7200),
    S("REDIS_URL", str, "", "redis://host:6379/0 for the service mode. Empty: everything in one process."),
    S("REDIS_KEY_PREFIX", str, "hsi", "How every key in Redis begins, for several installations on one server."),
    S("QUEUE", str, "auto", "Queue backend, or a dotted path.", choices=("auto", "database", "redis")),
    S("QUEUE_MAX_SIZE", int, 10000, "Jobs a queue holds before it refuses more; refused work waits in its row.", 1, 10_000_000, live=True),
    S("QUEUE_OVERFLOW_POLICY", str, "reject", "What a full queue does with new work. reject: it waits in its row. dlq and drop_oldest: the oldest job becomes a dead letter.", choices=("reject", "dlq", "drop_oldest")),
    S("QUEUE_BACKPRESSURE_THRESHOLD", float, 0.8, "Share of QUEUE_MAX_SIZE from which on a queue is reported as under pressure.", 0.01, 1, live=True),
    S("JOB_MAX_ATTEMPTS", int, 5, "Tries before a failing job becomes a dead letter.", 1, 100, live=True),
    S("MAX_REQUEUE_ITERATIONS", int, 10000, "Dead letters queued again at a time.", 1, 1_000_000, live=True),
    S("JOB_MAX_SECONDS", int, 900, "A job that takes longer hangs, and is given to another worker.", 10, 86400, live=True),
    S("JOB_LEASE_SECONDS", int, 20, "After this long without a sign of life a job is given to another worker.", 5, 3600),
    S("SHUTDOWN_GRACE_SECONDS", int, 20, "How long a stop waits for work in hand.", 0, 600),
    # Camera files
    S("FOSCAM_BASE_PATH", str, "", "Folder with one folder per camera. Empty: `cameras` in the data folder."),
    S("CAMERA_AUTO_CREATE", bool, True, "An unknown folder becomes a camera.", live=True),
    S("FILE_WATCHER_POLLING", bool, False, "Scan instead of waiting for notifications (network shares send none)."),
    S("FILE_WATCHER_POLL_SECONDS", float, 2.0, "Time between scans when polling.", 0.2, 600, live=True),
    S("FILE_RESCAN_SECONDS", int, 120, "Time between full scans, which find what notifications missed.", 5, 86400, live=True),
    S("FILE_STABLE_SECONDS", float, 2.0, "A file nobody announced is complete when unchanged this long.", 0.2, 600),
    S("FILE_INCOMPLETE_SECONDS", float, 30.0, "A cut or empty file is refused only when unchanged this long.", 1, 3600),
    S("DEDUPE_TTL_SECONDS", int, 300, "The same bytes from a camera within this time are a duplicate.", 0, 31_536_000, live=True),
    S("SPOOL_MAX_BYTES", int, 2 * 1024**3, "Copies of accepted files that wait for the detector. At this size intake pauses. 0: no copies.", 0, 10**15, live=True),
    S("IMAGE_MAX_BYTES", int, 32 * 1024**2, "Largest picture file.", 1024, 1024**3, live=True),
    S("IMAGE_MAX_PIXELS", int, 50_000_000, "Largest picture, width times height.", 1, 500_000_000, live=True),
    S("DECODER_CPU_SECONDS", int, 60, "Time of a processor that a picture, or one frame of a clip, may take.", 1, 3600),
    S("DECODER_MEMORY_BYTES", int, 4 * 1024**3, "Memory of a process that decodes.", 256 * 1024**2, 1024**4),
    S("VIDEO_MAX_BYTES", int, 1024**3, "Largest clip.", 1024, 1024**4, live=True),
    S("VIDEO_FRAME_INTERVAL_SECONDS", float, 2.0, "Time between the frames of a clip that are looked at.", 0.1, 60, live=True),
    S("VIDEO_MAX_FRAMES", int, 30, "Most frames of one clip that are looked at.", 1, 1000, live=True),
    # Room: what is removed when, and when intake pauses
    S("RETENTION_DAYS", int, 30, "Events and pictures older than this are removed, unless kept. 0: never by age.", 0, 36500, live=True),
    S("RETENTION_REJECTED_DAYS", int, 7, "Refused files in quarantine are removed after this long. 0: as any other.", 0, 36500, live=True),
    S("RETENTION_CAMERA_MAX_BYTES", int, 0, "Files of one camera above this go, oldest first. 0: no limit.", 0, 10**15, live=True),
    S("RETENTION_TOTAL_MAX_BYTES", int, 0, "Files of all cameras above this go, oldest first. 0: no limit.", 0, 10**15, live=True),
    S("RETENTION_FREE_BYTES", int, 1024**3, "With less free room on a disk of ours, the oldest files go.", 0, 10**15, live=True),
    S("RETENTION_FREE_PERCENT", float, 3.0, "The same, in percent of the disk. The larger of both counts.", 0, 50, live=True),
    S("STREAM_RETENTION_DAYS", int, 7, "Messages that a client may still ask for are kept this long.", 1, 3650, live=True),
    S("TRASH_DAYS", int, 7, "Deleted events can be restored this long; then they go with their pictures.", 0, 36500, live=True),
    S("IDEMPOTENCY_HOURS", int, 24, "A request that is sent again with its Idempotency-Key is answered as before this long.", 1, 8760, live=True),
    S("DEAD_LETTER_RETENTION_DAYS", int, 90, "Dead letters are kept this long after they were dealt with.", 1, 3650, live=True),
    S("LOG_RETENTION_DAYS", int, 7, "Log lines in the database are kept this long.", 1, 3650, live=True),
    S("AUDIT_RETENTION_DAYS", int, 365, "Entries of the audit log are kept this long.", 1, 36500, live=True),
    S("JOB_RETENTION_DAYS", int, 14, "Runs of housekeeping, and workers that ended, are shown this long.", 1, 3650, live=True),
    S("LATENCY_RETENTION_DAYS", int, 7, "How long stages took is kept by the minute for this long.", 1, 365, live=True),
    S("DISK_FREE_FLOOR_BYTES", int, 200 * 1024**2, "With less free room, intake pauses and files wait in their folders.", 0, 10**15, live=True),
    S("DISK_FREE_FLOOR_PERCENT", float, 1.0, "The same, in percent of the disk. The larger of both counts.", 0, 50, live=True),
    # Detection
    S("DETECTOR", str, "auto", "Object detector, or a dotted path.", choices=("auto", "rtdetr", "deepstack", "onnx", "opencv")),
    S("DETECTOR_MODEL", str, "", "Path of an ONNX model (RT-DETR export)."),
    S("RTDETR_URL", str, "", "Detection service, e.g. http://localhost:8090."),
    S("RTDETR_API_KEY", str, "", "Sent as X-API-Key to the detection service.", secret=True),
    S("RTDETR_READ_TIMEOUT", float, 60.0, "Seconds a detection may take.", 10, 300),
    S("DETECTION_CONCURRENCY", int, 2, "Pictures one detection process works on at a time.", 1, 64),
    S("DETECTION_CONFIDENCE_THRESHOLD", float, 0.5, "Weaker detections are dropped.", 0, 1, live=True),
    S("FAST_PATH_CONFIDENCE_THRESHOLD", float, 0.90, "A detection this sure is told at once.", 0, 1, live=True),
    S("FAST_PATH_OBJECT_TYPES", list, ["person"], "Labels that take the fast path.", items="label", live=True),
    # Batches
    S("BATCH_WINDOW_SECONDS", int, 90, "Longest batch.", 1, 3600, live=True),
    S("BATCH_IDLE_TIMEOUT_SECONDS", int, 30, "A batch closes after this long without a detection.", 1, 3600, live=True),
    S("BATCH_MAX_DETECTIONS", int, 500, "A batch closes at this many detections.", 1, 100_000, live=True),
    S("BACKFILL_AFTER_SECONDS", int, 300, "Pictures taken longer ago than this are grouped by capture time.", 30, 86400, live=True),
    # Analysis
    S("ANALYZER", str, "auto", "Who judges a batch, or a dotted path.", choices=("auto", "llm", "rules")),
    S("NEMOTRON_URL", str, "", "Language model service, e.g. http://localhost:8091."),
    S("NEMOTRON_API", str, "auto", "Which API the language model speaks.", choices=("auto", "openai", "llamacpp")),
    S("NEMOTRON_API_KEY", str, "", "Sent as a bearer token to the language model.", secret=True),
    S("NEMOTRON_MODEL", str, "", "Model name to ask for. Empty: the first one the service offers."),
    S("NEMOTRON_READ_TIMEOUT", float, 120.0, "Seconds a judgement may take.", 30, 600),
    S("NEMOTRON_MAX_TOKENS", int, 600, "Longest answer, in tokens.", 64, 8192, live=True),
    S("ANALYSIS_CONCURRENCY", int, 1, "Batches one analysis process judges at a time.", 1, 64),
    S("AI_CONNECT_TIMEOUT", float, 10.0, "Seconds to connect to an AI service.", 1, 60),
    S("AI_HEALTH_TIMEOUT", float, 5.0, "Seconds a health check of an AI service may take.", 1, 30),
    S("CIRCUIT_FAILURE_THRESHOLD", int, 5, "Failures in a row after which an AI service is left alone.", 1, 1000, live=True),
    S("CIRCUIT_RECOVERY_TIMEOUT_SECONDS", float, 30.0, "Time until a service left alone is tried again.", 0.1, 3600, live=True),
    S("CIRCUIT_HALF_OPEN_MAX_CALLS", int, 3, "Calls on trial at a time, over all processes.", 1, 100, live=True),
    S("CIRCUIT_SUCCESS_THRESHOLD", int, 2, "Trial calls that must succeed before all go through again.", 1, 100, live=True),
    S("SEVERITY_LOW_MAX", int, 29, "Highest score that is low.", 0, 100, live=True),
    S("SEVERITY_MEDIUM_MAX", int, 59, "Highest score that is medium.", 0, 100, live=True),
    S("SEVERITY_HIGH_MAX", int, 84, "Highest score that is high; above is critical.", 0, 100, live=True),
    # Notifications
    S("NOTIFICATION_ENABLED", bool, True, "Alerts are told to notification channels.", live=True),
    S("NOTIFICATION_CONCURRENCY", int, 4, "Notifications one process sends at a time.", 1, 64),
    S("NOTIFICATION_MAX_ATTEMPTS", int, 12, "Tries before a notification is given up, in about an hour.", 1, 100, live=True),
    S("SMTP_HOST", str, "", "Mail server that notifications by e-mail go through."),
    S("SMTP_PORT", int, 587, "Its port. 465 is TLS from the start.", 1, 65535),
    S("SMTP_USER", str, "", "Name to sign in there. Empty: without signing in."),
    S("SMTP_PASSWORD", str, "", "Password to sign in there.", secret=True),
    S("SMTP_FROM_ADDRESS", str, "", "Sender of the mails. Empty: SMTP_USER."),
    S("SMTP_USE_TLS", bool, True, "Mails go over TLS only."),
    S("DEFAULT_EMAIL_RECIPIENTS", list, [], "Recipients of e-mail channels that name none.", items="mail"),
    S("DEFAULT_WEBHOOK_URL", str, "", "Address of webhook channels that name none.", secret=True),
    S("WEBHOOK_TIMEOUT_SECONDS", int, 30, "Time a receiver of notifications may take.", 1, 300, live=True),
    S("WEBHOOK_ALLOWED_HOSTS", list, [], "Hosts (host or host:port) that may be sent to although their address is not public.", items="receiver"),
    S("WEBHOOK_ALLOW_HTTP", bool, False, "Notifications may be sent to public hosts by plain http too. To hosts in WEBHOOK_ALLOWED_HOSTS they always may."),
    # Web
    S("WEBSOCKET_IDLE_TIMEOUT_SECONDS", int, 300, "A client that answers nothing this long is closed.", 10, 86400, live=True),
    S("WEBSOCKET_PING_INTERVAL_SECONDS", int, 30, "Time between pings.", 1, 3600),
    S("WEBSOCKET_MAX_CONNECTIONS", int, 1000, "Sockets that one web process serves at a time.", 1, 100_000, live=True),
    S("WEBSOCKET_MAX_CONNECTIONS_PER_ADDRESS", int, 100, "Of them, from one address.", 1, 100_000, live=True),
    S("WEBSOCKET_MAX_CONNECTIONS_PER_USER", int, 50, "Of them, of one user.", 1, 100_000, live=True),
    S("WEBSOCKET_MAX_MESSAGE_SIZE", int, 64 * 1024, "Largest message taken from a client, in bytes.", 256, 16 * 1024**2),
    # Logs and figures
    S("LOG_LEVEL", str, "INFO", "Least severe log line.", choices=LEVELS),
    S("LOG_FILE_PATH", str, "", "File that gets log lines as JSON too, for one process. Empty: none."),
    S("LOG_FILE_MAX_BYTES", int, 10 * 1024**2, "The log file is begun anew at this size.", 1024, 1024**4),
    S("LOG_FILE_BACKUP_COUNT", int, 7, "Full log files that are kept.", 0, 1000),
    S("LOG_DB_ENABLED", bool, True, "Log lines go into the database too, for the admin and the API."),
    S("LOG_DB_MIN_LEVEL", str, "INFO", "Least severe of our own lines in the database; of libraries from WARNING on.", choices=LEVELS),
    S("METRICS_ALLOWED_ADDRESSES", list, [], "Addresses or networks that may read /metrics without a login, e.g. 10.0.0.5,192.168.1.0/24.", items="network"),
    S("GPU_POLL_INTERVAL_SECONDS", float, 5.0, "Time between looks at the graphics cards.", 1, 3600, live=True),
    S("GPU_STATS_HISTORY_MINUTES", int, 60, "Figures of graphics cards are kept this long.", 1, 525_600, live=True),
)
# fmt: on
