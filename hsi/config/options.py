"""Declare every setting of this project once. Parsing, checks, docs and `show_config` read this list."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit, urlunsplit


@dataclass(frozen=True, slots=True)
class Setting:
    """One setting. Its name is the environment variable and the attribute of `django.conf.settings`."""

    name: str
    type: type
    default: Any
    help: str
    minimum: float | None = None
    maximum: float | None = None
    choices: tuple[str, ...] = ()
    secret: bool = False
    # The kind of the items of a list: a key of `hsi.config.parsing.ITEMS`.
    items: str = ""
    # May change while the system runs (`hsi.live_settings`), so code reads it at each use.
    live: bool = False

    @property
    def allowed(self) -> str:
        """Describe the allowed values."""
        if self.choices:
            return "one of " + ", ".join(self.choices)
        kind = {int: "a whole number", float: "a number", bool: "true or false", list: "a list with commas"}
        words = kind.get(self.type, "a text")
        if self.minimum is not None and self.maximum is not None:
            return f"{words} from {_number(self.minimum)} to {_number(self.maximum)}"
        return words

    def shown(self, value: Any) -> str:
        """Return `value` for display, with secrets masked and credentials removed from URLs."""
        if self.secret:
            return "********" if value else ""
        text = ",".join(map(str, value)) if isinstance(value, list) else str(value)
        return redact_url(text) if "://" in text else text


def _number(value: float) -> str:
    return f"{value:,.0f}" if value == int(value) else f"{value:g}"


_KEYS = re.compile(r"(?i)([?&][^=&]{0,40}(?:token|key|secret|pass|auth|sig)[^=&]{0,40}=)[^&#]+")


def redact_url(url: str) -> str:
    """Mask the password of `url` and the keys among its parameters. Return other text unchanged."""
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
    S("APP_NAME", str, "Home Security Intelligence", "Site name shown in the browser."),
    S("DEBUG", bool, False, "Development mode. Never enable it on a reachable address."),
    S("HSI_DEMO", bool, False, "Run simulated cameras beside the real ones. `up --demo` sets it."),
    S("HSI_DATA_DIR", str, "./data", "Folder of the database, thumbnails, quarantine and secret key."),
    S("SECRET_KEY", str, "", "Key that signs sessions and cursors, at least 40 random characters. Empty: generated once and stored in the data folder.", secret=True),
    S("ALLOWED_HOSTS", list, [], "Host names the site answers to. Empty: the names and addresses of this machine.", items="host"),
    S("CSRF_TRUSTED_ORIGINS", list, [], "Trusted origins (https://host) for forms sent through a proxy.", items="origin"),
    S("TIME_ZONE", str, "", "Time zone of pages, and of cameras without their own. Empty: the time zone of this machine (`TZ`, `/etc/localtime`), else UTC."),
    S("LATITUDE", str, "", "Latitude of the site in degrees, such as 52.52; south is negative. With LONGITUDE, the score knows when it is dark."),
    S("LONGITUDE", str, "", "Longitude of the site in degrees, such as 13.4; west is negative."),
    S("API_HOST", str, "0.0.0.0", "Address the web server listens on."),  # noqa: S104
    S("API_PORT", int, 8000, "Port the web server listens on.", 1, 65535),
    S("API_WORKERS", int, 0, "Number of serve_wsgi processes. 0: one per processor.", 0, 256),
    S("API_THREADS", int, 8, "Requests each serve_wsgi process handles at once.", 1, 256),
    S("URL_PREFIX", str, "", "Path the site is served under, e.g. /hsi behind a proxy. Empty: the root of the host."),
    # Access and rate limits
    S("HTTPS_ONLY", bool, False, "Serve people over HTTPS only: mark cookies Secure and send HSTS."),
    S("HSTS_SECONDS", int, 30 * 86400, "Lifetime of the HSTS header in seconds. Applies with HTTPS_ONLY.", 0, 10 * 365 * 86400),
    S("TRUSTED_PROXY_IPS", list, [], "Addresses and networks of proxies whose X-Forwarded-For and X-Forwarded-Proto headers are trusted.", items="network"),
    S("CORS_ORIGINS", list, [], "Origins of other sites whose pages may call the API. `*`: all origins, without cookies.", items="exact origin"),
    S("API_KEY_ENABLED", bool, False, "Accept the keys in API_KEYS."),
    S("API_KEYS", list, [], "API keys for programs without a user. They may read and change everything that concerns all cameras.", items="key", secret=True),
    S("LOGIN_FAILURE_LIMIT", int, 5, "Failed logins allowed per user name and address before a lockout. The limit per address over all names is four times this.", 1, 1000, live=True),
    S("LOGIN_LOCKOUT_MINUTES", int, 15, "Minutes a failed login counts, and minutes a lockout lasts.", 1, 1440, live=True),
    S("RATE_LIMIT_ENABLED", bool, True, "Limit the rate of requests.", live=True),
    S("RATE_LIMIT_REQUESTS_PER_MINUTE", int, 60, "Requests per minute per API token or client address. Browser sessions get five times as many.", 1, 1_000_000, live=True),
    S("RATE_LIMIT_BURST", int, 10, "Burst size: requests allowed above the rate at once, per category.", 0, 100_000, live=True),
    S("RATE_LIMIT_MEDIA_REQUESTS_PER_MINUTE", int, 120, "Requests per minute for pictures, clips and files.", 1, 1_000_000, live=True),
    S("RATE_LIMIT_SEARCH_REQUESTS_PER_MINUTE", int, 30, "Requests per minute for searches.", 1, 1_000_000, live=True),
    S("RATE_LIMIT_EXPORT_REQUESTS_PER_MINUTE", int, 10, "Requests per minute for exports.", 1, 1_000_000, live=True),
    S("RATE_LIMIT_UPLOAD_REQUESTS_PER_MINUTE", int, 600, "Requests per minute for uploads over HTTP.", 1, 1_000_000, live=True),
    S("RATE_LIMIT_AI_REQUESTS_PER_MINUTE", int, 10, "Requests per minute that call an AI service or a notification receiver.", 1, 1_000_000, live=True),
    S("RATE_LIMIT_WEBSOCKET_CONNECTIONS_PER_MINUTE", int, 10, "New WebSocket connections per minute per API token or client address.", 1, 1_000_000, live=True),
    S("RATE_LIMIT_WRONG_TOKENS_PER_MINUTE", int, 10, "Invalid tokens and sessions accepted from one address per minute. Above it, only recently valid ones are looked up.", 1, 1_000_000, live=True),
    S("REQUEST_TIMEOUT_SECONDS", int, 30, "Seconds a request may take to arrive. A request that keeps arriving at 8 KiB/s may take longer.", 1, 3600, live=True),
    S("REQUEST_BODIES_MAX", int, 200, "Request bodies one web process receives at once.", 1, 100_000, live=True),
    S("REQUEST_BODIES_MAX_PER_CLIENT", int, 16, "Request bodies one web process receives at once from one address.", 1, 100_000, live=True),
    S("REQUEST_BODIES_MAX_BYTES", int, 4 * 1024**3, "Total size of the request bodies one web process receives at once. A single body of the allowed size always fits.", 1024, 1024**4, live=True),
    S("REQUEST_BODIES_MAX_BYTES_PER_CLIENT", int, 2 * 1024**3, "Total size of the request bodies one web process receives at once from one address.", 1024, 1024**4, live=True),
    # Database and queues
    S("DATABASE_URL", str, "", "sqlite:///path or postgresql://user:password@host/name. Empty: SQLite in the data folder."),
    S("DATABASE_POOL_SIZE", int, 5, "PostgreSQL connections a process keeps in its pool.", 5, 100),
    S("DATABASE_POOL_OVERFLOW", int, 15, "Extra PostgreSQL connections a process may open under load.", 0, 100),
    S("DATABASE_POOL_TIMEOUT", int, 5, "Seconds to wait for a free PostgreSQL connection.", 5, 120),
    S("DATABASE_POOL_RECYCLE", int, 1800, "Seconds after which a PostgreSQL connection is replaced.", 300, 7200),
    S("REDIS_URL", str, "", "redis://host:6379/0 for the service mode. Empty: everything runs in one process."),
    S("REDIS_KEY_PREFIX", str, "hsi", "Prefix of every key in Redis, so that several installations can share one server."),
    S("QUEUE", str, "auto", "Queue backend: auto, database, redis, or the dotted path of a class.", choices=("auto", "database", "redis")),
    S("QUEUE_MAX_SIZE", int, 10000, "Jobs a queue holds before it rejects new ones. Rejected work waits in its database row.", 1, 10_000_000, live=True),
    S("QUEUE_OVERFLOW_POLICY", str, "reject", "What a full queue does with new work. reject: the work waits in its database row. dlq and drop_oldest: the oldest job becomes a dead letter.", choices=("reject", "dlq", "drop_oldest")),
    S("QUEUE_BACKPRESSURE_THRESHOLD", float, 0.8, "Share of QUEUE_MAX_SIZE above which a queue is reported as under pressure.", 0.01, 1, live=True),
    S("JOB_MAX_ATTEMPTS", int, 5, "Attempts before a failing job becomes a dead letter.", 1, 100, live=True),
    S("MAX_REQUEUE_ITERATIONS", int, 10000, "Most dead letters that one action requeues.", 1, 1_000_000, live=True),
    S("JOB_MAX_SECONDS", int, 900, "Most seconds a job may take. A job that takes longer counts as hung and is given to another worker.", 10, 86400, live=True),
    S("JOB_LEASE_SECONDS", int, 20, "Seconds without a heartbeat after which a job is given to another worker.", 5, 3600),
    S("SHUTDOWN_GRACE_SECONDS", int, 20, "Seconds a shutdown waits for running jobs.", 0, 600),
    # Camera files
    S("FOSCAM_BASE_PATH", str, "", "Folder that contains one folder per camera. Empty: `cameras` in the data folder."),
    S("CAMERA_AUTO_CREATE", bool, True, "Create a camera for each unknown folder.", live=True),
    S("FILE_WATCHER_POLLING", bool, False, "Scan for new files instead of waiting for notifications. Network shares send no notifications."),
    S("FILE_WATCHER_POLL_SECONDS", float, 2.0, "Seconds between scans when polling.", 0.2, 600, live=True),
    S("FILE_RESCAN_SECONDS", int, 120, "Seconds between full scans. A full scan finds files whose notification was missed.", 5, 86400, live=True),
    S("FILE_STABLE_SECONDS", float, 2.0, "Seconds a file without a close notification must stay unchanged to count as complete.", 0.2, 600),
    S("FILE_INCOMPLETE_SECONDS", float, 30.0, "Seconds a truncated or empty file must stay unchanged before it is rejected.", 1, 3600),
    S("DEDUPE_TTL_SECONDS", int, 300, "Seconds within which the same bytes from one camera count as a duplicate.", 0, 31_536_000, live=True),
    S("SPOOL_MAX_BYTES", int, 2 * 1024**3, "Most bytes of file copies that wait for the detector. Intake pauses at this size. 0: make no copies.", 0, 10**15, live=True),
    S("IMAGE_MAX_BYTES", int, 32 * 1024**2, "Largest picture file in bytes.", 1024, 1024**3, live=True),
    S("IMAGE_MAX_PIXELS", int, 50_000_000, "Largest picture in pixels, width times height.", 1, 500_000_000, live=True),
    S("DECODER_CPU_SECONDS", int, 60, "Most processor seconds to decode a picture or one frame of a clip.", 1, 3600),
    S("DECODER_MEMORY_BYTES", int, 4 * 1024**3, "Most memory of a decoder process.", 256 * 1024**2, 1024**4),
    S("VIDEO_MAX_BYTES", int, 1024**3, "Largest clip in bytes.", 1024, 1024**4, live=True),
    S("VIDEO_FRAME_INTERVAL_SECONDS", float, 2.0, "Seconds between the frames of a clip that are analysed.", 0.1, 60, live=True),
    S("VIDEO_MAX_FRAMES", int, 30, "Most frames of one clip that are analysed.", 1, 1000, live=True),
    # Storage and retention
    S("RETENTION_DAYS", int, 30, "Days until events and pictures are removed, unless they are kept. 0: never remove them by age.", 0, 36500, live=True),
    S("RETENTION_REJECTED_DAYS", int, 7, "Days until rejected files are removed from quarantine. 0: use RETENTION_DAYS.", 0, 36500, live=True),
    S("RETENTION_CAMERA_MAX_BYTES", int, 0, "Most bytes of files per camera. Above it, the oldest files are removed. 0: no limit.", 0, 10**15, live=True),
    S("RETENTION_TOTAL_MAX_BYTES", int, 0, "Most bytes of files of all cameras. Above it, the oldest files are removed. 0: no limit.", 0, 10**15, live=True),
    S("RETENTION_FREE_BYTES", int, 1024**3, "Free disk space in bytes below which the oldest files are removed.", 0, 10**15, live=True),
    S("RETENTION_FREE_PERCENT", float, 3.0, "Free disk space in percent below which the oldest files are removed. The larger of the two limits applies.", 0, 50, live=True),
    S("STREAM_RETENTION_DAYS", int, 7, "Days a stream message is kept for clients that resume.", 1, 3650, live=True),
    S("TRASH_DAYS", int, 7, "Days a deleted event can be restored. Afterwards it is removed with its pictures.", 0, 36500, live=True),
    S("IDEMPOTENCY_HOURS", int, 24, "Hours a response is kept for a request that is repeated with its Idempotency-Key.", 1, 8760, live=True),
    S("DEAD_LETTER_RETENTION_DAYS", int, 90, "Days a resolved dead letter is kept.", 1, 3650, live=True),
    S("LOG_RETENTION_DAYS", int, 7, "Days a log line is kept in the database.", 1, 3650, live=True),
    S("AUDIT_RETENTION_DAYS", int, 365, "Days an audit log entry is kept.", 1, 36500, live=True),
    S("JOB_RETENTION_DAYS", int, 14, "Days that housekeeping runs and stopped workers are listed.", 1, 3650, live=True),
    S("LATENCY_RETENTION_DAYS", int, 7, "Days the latency of each stage is kept by the minute.", 1, 365, live=True),
    S("DISK_FREE_FLOOR_BYTES", int, 200 * 1024**2, "Free disk space in bytes below which intake pauses. Files then wait in their folders.", 0, 10**15, live=True),
    S("DISK_FREE_FLOOR_PERCENT", float, 1.0, "Free disk space in percent below which intake pauses. The larger of the two limits applies.", 0, 50, live=True),
    # Detection
    S("DETECTOR", str, "auto", "Object detector: auto, rtdetr, deepstack, onnx, darknet, opencv, or the dotted path of a class.", choices=("auto", "rtdetr", "deepstack", "onnx", "darknet", "opencv")),
    S("DETECTOR_MODEL", str, "", "Path of a model file. Empty: the model that `get_model` downloaded."),
    S("MODEL_SOURCE", str, "", "Folder or HTTP address of model files. `get_model` tries it first."),
    S("RTDETR_URL", str, "", "URL of the detection service, e.g. http://localhost:8090."),
    S("RTDETR_API_KEY", str, "", "API key for the detection service, sent as X-API-Key.", secret=True),
    S("RTDETR_READ_TIMEOUT", float, 60.0, "Most seconds a detection may take.", 10, 300),
    S("DETECTION_CONCURRENCY", int, 2, "Pictures one detection process analyses at once.", 1, 64),
    S("DETECTION_CONFIDENCE_THRESHOLD", float, 0.0, "Detections below this confidence are dropped. 0: the default threshold of the detector, 0.25 to 0.5.", 0, 1, live=True),
    S("DETECTION_LABELS", list, ["person", "vehicle", "animal", "bag", "weapon"], "Labels that count, and groups of labels: person, vehicle, animal, bag, weapon. Other objects are stored, but start no event. A camera may have its own list.", items="label", live=True),
    S("DETECTION_THRESHOLDS", list, [], "Lowest confidence that counts by label or group, such as person=0.5,vehicle=0.6. Objects below DETECTION_CONFIDENCE_THRESHOLD are never found.", items="label share", live=True),
    S("DETECTION_SURE_THRESHOLDS", list, ["person=0.6", "vehicle=0.6", "animal=0.6", "bag=0.6", "weapon=0.6"], "Confidence by label or group from which one detection is enough for an event. Below it, two pictures must show the same group. A label without a value is always sure.", items="label share", live=True),
    S("DETECTION_MIN_SIZES", list, [], "Smallest size that counts by label or group, as a share of the picture's area, such as person=0.001.", items="label share", live=True),
    S("DETECTION_MAX_SIZES", list, [], "Largest size that counts by label or group, as a share of the picture's area, such as vehicle=0.6.", items="label share", live=True),
    S("FAST_PATH_CONFIDENCE_THRESHOLD", float, 0.90, "Detections at or above this confidence trigger an event immediately.", 0, 1, live=True),
    S("FAST_PATH_OBJECT_TYPES", list, ["person"], "Labels that may trigger an event immediately.", items="label", live=True),
    # Batches
    S("BATCH_WINDOW_SECONDS", int, 90, "Longest duration of a batch in seconds.", 1, 3600, live=True),
    S("BATCH_IDLE_TIMEOUT_SECONDS", int, 30, "Seconds without a detection after which a batch closes.", 1, 3600, live=True),
    S("BATCH_MAX_DETECTIONS", int, 500, "Number of detections from which a batch keeps one picture a second.", 1, 100_000, live=True),
    S("VISIT_MAX_SECONDS", int, 600, "Longest duration of an event in seconds. A visitor who stays longer makes another event, which continues it.", 30, 86400, live=True),
    S("BACKFILL_AFTER_SECONDS", int, 300, "Age in seconds from which pictures are grouped by capture time.", 30, 86400, live=True),
    # Analysis
    S("ANALYZER", str, "auto", "Analyser: auto, llm, rules, or the dotted path of a class.", choices=("auto", "llm", "rules")),
    S("NEMOTRON_URL", str, "", "URL of the language model service, e.g. http://localhost:8091."),
    S("NEMOTRON_API", str, "auto", "API of the language model service.", choices=("auto", "openai", "llamacpp")),
    S("NEMOTRON_API_KEY", str, "", "API key for the language model service, sent as a bearer token.", secret=True),
    S("NEMOTRON_MODEL", str, "", "Name of the language model. Empty: the first model the service lists."),
    S("NEMOTRON_FALLBACK_URL", str, "", "URL of a second language model service, which answers while the first one fails."),
    S("NEMOTRON_FALLBACK_MODEL", str, "", "Name of the language model of the second service. Empty: the first model it lists."),
    S("NEMOTRON_FALLBACK_API_KEY", str, "", "API key for the second language model service, sent as a bearer token.", secret=True),
    S("NEMOTRON_IMAGES", str, "auto", "Send pictures to a language model that accepts them.", choices=("auto", "never"), live=True),
    S("NEMOTRON_IMAGE_COUNT", int, 6, "Most pictures of one judgement.", 1, 20, live=True),
    S("NEMOTRON_IMAGES_OUTSIDE", bool, False, "Send pictures also to an address outside the private network. They then leave your home.", live=True),
    S("TEXT_LANGUAGE", str, "English", "Language in which the language model and the rules write.", choices=("English", "German", "French", "Spanish", "Dutch", "Italian", "Portuguese"), live=True),
    S("PROMPT_DIR", str, "", "Folder with your own prompt_instructions.txt and prompt.txt. Empty, or a file is missing: the built-in text."),
    S("NEMOTRON_READ_TIMEOUT", float, 120.0, "Most seconds a judgement may take.", 30, 600),
    S("NEMOTRON_MAX_TOKENS", int, 600, "Longest answer in tokens.", 64, 8192, live=True),
    S("ANALYSIS_CONCURRENCY", int, 1, "Batches one analysis process judges at once.", 1, 64),
    S("AI_CONNECT_TIMEOUT", float, 10.0, "Most seconds to connect to an AI service.", 1, 60),
    S("AI_HEALTH_TIMEOUT", float, 5.0, "Most seconds a health check of an AI service may take.", 1, 30),
    S("CIRCUIT_FAILURE_THRESHOLD", int, 5, "Consecutive failures after which the circuit breaker of an AI service opens.", 1, 1000, live=True),
    S("CIRCUIT_RECOVERY_TIMEOUT_SECONDS", float, 30.0, "Seconds an open circuit breaker waits before the first trial call.", 0.1, 3600, live=True),
    S("CIRCUIT_HALF_OPEN_MAX_CALLS", int, 3, "Trial calls at once over all processes while a circuit breaker is half open.", 1, 100, live=True),
    S("CIRCUIT_SUCCESS_THRESHOLD", int, 2, "Successful trial calls after which a circuit breaker closes.", 1, 100, live=True),
    S("SEVERITY_LOW_MAX", int, 29, "Highest score with severity low.", 0, 100, live=True),
    S("SEVERITY_MEDIUM_MAX", int, 59, "Highest score with severity medium.", 0, 100, live=True),
    S("SEVERITY_HIGH_MAX", int, 84, "Highest score with severity high. Scores above it are critical.", 0, 100, live=True),
    # Notifications
    S("NOTIFICATION_ENABLED", bool, True, "Send alerts to notification channels.", live=True),
    S("NOTIFICATION_CONCURRENCY", int, 4, "Notifications one process sends at once.", 1, 64),
    S("NOTIFICATION_MAX_ATTEMPTS", int, 12, "Attempts to send a notification. The default number of attempts takes about an hour.", 1, 100, live=True),
    S("SMTP_HOST", str, "", "Mail server for e-mail notifications."),
    S("SMTP_PORT", int, 587, "Port of the mail server. Port 465 uses TLS from the start.", 1, 65535),
    S("SMTP_USER", str, "", "User name for the mail server. Empty: no login."),
    S("SMTP_PASSWORD", str, "", "Password for the mail server.", secret=True),
    S("SMTP_FROM_ADDRESS", str, "", "Sender address of e-mail notifications. Empty: SMTP_USER."),
    S("SMTP_USE_TLS", bool, True, "Require TLS for the connection to the mail server."),
    S("DEFAULT_EMAIL_RECIPIENTS", list, [], "Recipients of e-mail channels without their own.", items="mail"),
    S("DEFAULT_WEBHOOK_URL", str, "", "URL of webhook channels without their own.", secret=True),
    S("WEBHOOK_TIMEOUT_SECONDS", int, 30, "Most seconds a notification receiver may take to answer.", 1, 300, live=True),
    S("WEBHOOK_ALLOWED_HOSTS", list, [], "Hosts (host or host:port) with private addresses that notifications may be sent to.", items="receiver"),
    S("WEBHOOK_ALLOW_HTTP", bool, False, "Allow plain HTTP to public hosts. Hosts in WEBHOOK_ALLOWED_HOSTS may always use plain HTTP."),
    # Web
    S("WEBSOCKET_IDLE_TIMEOUT_SECONDS", int, 300, "Seconds without an answer after which a WebSocket connection is closed.", 10, 86400, live=True),
    S("WEBSOCKET_PING_INTERVAL_SECONDS", int, 30, "Seconds between pings.", 1, 3600),
    S("WEBSOCKET_MAX_CONNECTIONS", int, 1000, "WebSocket connections per web process.", 1, 100_000, live=True),
    S("WEBSOCKET_MAX_CONNECTIONS_PER_ADDRESS", int, 100, "WebSocket connections per web process from one address.", 1, 100_000, live=True),
    S("WEBSOCKET_MAX_CONNECTIONS_PER_USER", int, 50, "WebSocket connections per web process of one user.", 1, 100_000, live=True),
    S("WEBSOCKET_MAX_MESSAGE_SIZE", int, 64 * 1024, "Largest message accepted from a WebSocket client in bytes.", 256, 16 * 1024**2),
    # Logs and metrics
    S("LOG_LEVEL", str, "INFO", "Lowest level of log lines on the console and in the log file.", choices=LEVELS),
    S("LOG_FILE_PATH", str, "", "File for log lines as JSON, written by one process. Empty: no file."),
    S("LOG_FILE_MAX_BYTES", int, 10 * 1024**2, "Size in bytes at which the log file is rotated.", 1024, 1024**4),
    S("LOG_FILE_BACKUP_COUNT", int, 7, "Rotated log files to keep.", 0, 1000),
    S("LOG_DB_ENABLED", bool, True, "Write log lines to the database, for the admin and the API."),
    S("LOG_DB_MIN_LEVEL", str, "INFO", "Lowest level of our own log lines in the database. Lines of libraries are stored from WARNING.", choices=LEVELS),
    S("METRICS_ALLOWED_ADDRESSES", list, [], "Addresses or networks that may read /metrics without a login, e.g. 10.0.0.5,192.168.1.0/24.", items="network"),
    S("GPU_POLL_INTERVAL_SECONDS", float, 5.0, "Seconds between reads of the GPU statistics.", 1, 3600, live=True),
    S("GPU_STATS_HISTORY_MINUTES", int, 60, "Minutes that GPU statistics are kept.", 1, 525_600, live=True),
)
# fmt: on
