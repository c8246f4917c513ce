"""Django's settings, made from the one list in `hsi/config/environment.py`."""

from __future__ import annotations

import os
import secrets
from pathlib import Path
from typing import Any

from hsi.config import admin_theme, allowed_hosts, databases, environment, log_config
from hsi.metrics import multiprocess

BASE_DIR = Path(__file__).resolve().parent.parent
CONFIGURATION = environment.read(os.environ, environment.env_files())
if CONFIGURATION.faults:
    raise environment.ConfigurationError(CONFIGURATION)
globals().update(CONFIGURATION.values)
_value = CONFIGURATION.values

DATA_DIR = Path(_value["HSI_DATA_DIR"]).resolve()
multiprocess.share(DATA_DIR / "metrics")
CAMERA_ROOT = Path(_value["FOSCAM_BASE_PATH"] or DATA_DIR / "cameras").resolve()


def _secret_key() -> str:
    """Return the configured key, else a generated one in the data folder that only its owner can read."""
    if _value["SECRET_KEY"]:
        return str(_value["SECRET_KEY"])
    path = DATA_DIR / "secret_key"
    try:
        return path.read_text().strip()
    except FileNotFoundError:
        DATA_DIR.mkdir(parents=True, exist_ok=True)
    made = DATA_DIR / f".secret_key.{os.getpid()}.{secrets.token_hex(4)}"
    made.touch(mode=0o600)
    made.write_text(secrets.token_urlsafe(50))
    try:
        os.link(made, path)  # the first of two processes that start together wins
    except FileExistsError:
        pass
    finally:
        made.unlink()
    return path.read_text().strip()


SECRET_KEY = _secret_key()
# This machine itself may always ask: the health check of a container does.
ALLOWED_HOSTS = (
    [*allowed_hosts.LOOPBACK, *_value["ALLOWED_HOSTS"]] if _value["ALLOWED_HOSTS"] else allowed_hosts.MachineHosts()
)

INSTALLED_APPS = [
    "daphne",
    "hsi.apps.HsiConfig",  # before the admin, some of whose templates it replaces
    "unfold.apps.BasicAppConfig",
    "hsi.apps.AdminConfig",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "django.contrib.staticfiles",
    "corsheaders",
    "rest_framework",
    "drf_spectacular",
    "drf_spectacular_sidecar",
    "django_filters",
    "cameras",
    "detection",
    "events",
    "monitoring",
    "channels",  # after `events`, whose `runworker` stands for its own
]

MIDDLEWARE = [
    "hsi.http.request_metrics.FirstMiddleware",
    "hsi.http.middleware.RequestIdMiddleware",
    "hsi.security.headers.HeadersMiddleware",
    "hsi.http.client_address.ForwardedSchemeMiddleware",
    "django.middleware.security.SecurityMiddleware",
    *(["corsheaders.middleware.CorsMiddleware"] if _value["CORS_ORIGINS"] else []),
    "hsi.http.problem.ProblemMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    # Before any middleware that parses a request or logs what is wrong with it.
    "hsi.security.authentication.RequireAuthenticationMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "hsi.http.request_metrics.LastMiddleware",
]

ROOT_URLCONF = "hsi.urls"
ASGI_APPLICATION = "hsi.asgi.application"
TEMPLATES: list[dict[str, Any]] = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
            ],
        },
    },
]

DATABASES = {"default": databases.configured(_value, DATA_DIR)}
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"

CHANNELS_ON_REDIS = {
    "prefix": f"{_value['REDIS_KEY_PREFIX']}:channels",
    # A receiver waits 5 s at a time inside Redis: an answer must be allowed to take clearly longer than that.
    "hosts": [{"address": _value["REDIS_URL"], "socket_connect_timeout": 2.0, "socket_timeout": 10.0}],
}
CHANNEL_LAYERS = {
    "default": (
        {"BACKEND": "channels_redis.core.RedisChannelLayer", "CONFIG": CHANNELS_ON_REDIS}
        if _value["REDIS_URL"]
        else {"BACKEND": "channels.layers.InMemoryChannelLayer"}
    ),
}
CACHES = {
    "default": (
        {
            "BACKEND": "hsi.db.redis_cache.RedisCache",
            "LOCATION": _value["REDIS_URL"],
            "KEY_PREFIX": f"{_value['REDIS_KEY_PREFIX']}:cache",
            "OPTIONS": {"socket_connect_timeout": 1.0, "socket_timeout": 1.0, "health_check_interval": 15},
        }
        if _value["REDIS_URL"]
        # A counter a client and minute: room for more of them than a flood from many addresses makes.
        else {"BACKEND": "hsi.db.counted_cache.CountedLocMemCache", "OPTIONS": {"MAX_ENTRIES": 100_000}}
    ),
}

AUTHENTICATION_BACKENDS = ["hsi.security.lockout.Backend"]
AUTH_PASSWORD_VALIDATORS = [
    {"NAME": "django.contrib.auth.password_validation.UserAttributeSimilarityValidator"},
    {"NAME": "django.contrib.auth.password_validation.MinimumLengthValidator", "OPTIONS": {"min_length": 10}},
    {"NAME": "hsi.security.login.AuditedPassword"},
    {"NAME": "django.contrib.auth.password_validation.CommonPasswordValidator"},
    {"NAME": "django.contrib.auth.password_validation.NumericPasswordValidator"},
]
LOGIN_URL = "login"
LOGIN_REDIRECT_URL = "home"
LOGOUT_REDIRECT_URL = "login"

UNFOLD = admin_theme.unfold_settings(_value["APP_NAME"], navigation="monitoring.pages.navigation.navigation")

LANGUAGE_CODE = "en"
TIME_ZONE = _value["TIME_ZONE"]
USE_TZ = True
USE_I18N = True

# The mount point. No header can change it (`hsi.http.proxy_headers`).
FORCE_SCRIPT_NAME = URL_PREFIX = _value["URL_PREFIX"]
SESSION_COOKIE_PATH = CSRF_COOKIE_PATH = f"{URL_PREFIX}/"
STATIC_URL = f"{URL_PREFIX}/static/"
STATIC_ROOT = DATA_DIR / "static"
FILE_UPLOAD_PERMISSIONS = 0o600
SERVESTATIC_USE_FINDERS = True

SESSION_COOKIE_HTTPONLY = True
SESSION_COOKIE_SAMESITE = "Lax"
CSRF_COOKIE_SAMESITE = "Lax"
SESSION_COOKIE_SECURE = CSRF_COOKIE_SECURE = _value["HTTPS_ONLY"]
CSRF_FAILURE_VIEW = "hsi.http.problem.csrf_failure"
DEFAULT_EXCEPTION_REPORTER = "hsi.logs.redaction.RedactedReporter"
DEFAULT_EXCEPTION_REPORTER_FILTER = "hsi.logs.redaction.RedactedReporterFilter"
# Only `hsi.http.client_address` writes this one: a client can send no such header.
SECURE_PROXY_SSL_HEADER = ("hsi.forwarded_proto", "https")
SECURE_HSTS_SECONDS = _value["HSTS_SECONDS"] if _value["HTTPS_ONLY"] else 0
SECURE_CONTENT_TYPE_NOSNIFF = True
SECURE_REFERRER_POLICY = "same-origin"
X_FRAME_OPTIONS = "DENY"

# Nothing but the uploads of `hsi.http.body_limits` is larger: no form, no JSON.
DATA_UPLOAD_MAX_MEMORY_SIZE = 1024 * 1024
DATA_UPLOAD_MAX_NUMBER_FIELDS = 2000  # the admin's actions on a list of many rows

CORS_URLS_REGEX = r"^/api/"
CORS_ALLOW_ALL_ORIGINS = "*" in _value["CORS_ORIGINS"]
CORS_ALLOWED_ORIGINS = [origin for origin in _value["CORS_ORIGINS"] if origin != "*"]
CORS_ALLOW_CREDENTIALS = bool(CORS_ALLOWED_ORIGINS) and not CORS_ALLOW_ALL_ORIGINS
CORS_ALLOW_HEADERS = ["accept", "authorization", "content-type", "x-api-key", "x-csrftoken", "x-request-id"]
CORS_EXPOSE_HEADERS = ["X-Request-ID", "Retry-After", "RateLimit-Limit", "RateLimit-Remaining", "RateLimit-Reset"]

REST_FRAMEWORK = {
    "DEFAULT_AUTHENTICATION_CLASSES": ["hsi.api.permissions.TokenOrSessionAuthentication"],
    "DEFAULT_PERMISSION_CLASSES": ["hsi.api.permissions.PolicyPermission"],
    "DEFAULT_PAGINATION_CLASS": "hsi.api.pagination.KeysetPagination",
    "DEFAULT_FILTER_BACKENDS": ["hsi.api.filters.StrictFilterBackend"],
    "DEFAULT_RENDERER_CLASSES": ["rest_framework.renderers.JSONRenderer", "hsi.api.browsable.PageRenderer"],
    "DEFAULT_CONTENT_NEGOTIATION_CLASS": "hsi.api.browsable.Negotiation",
    "DEFAULT_METADATA_CLASS": "hsi.api.browsable.Methods",
    "DEFAULT_PARSER_CLASSES": ["hsi.api.parsers.StrictJSONParser"],
    "URL_FORMAT_OVERRIDE": None,  # `format` is a parameter like any other
    "EXCEPTION_HANDLER": "hsi.http.problem.exception_handler",
    "DEFAULT_SCHEMA_CLASS": "hsi.api.openapi.Schema",
    "UNAUTHENTICATED_USER": "django.contrib.auth.models.AnonymousUser",
}

SPECTACULAR_SETTINGS = {
    "TITLE": _value["APP_NAME"],
    "DESCRIPTION": "Cameras, uploads, detections and events. Everything needs a login or a token.",
    "VERSION": "1",
    "OAS_VERSION": "3.1.0",
    "SCHEMA_PATH_PREFIX": "/api",
    "SERVE_INCLUDE_SCHEMA": False,
    "SWAGGER_UI_DIST": "SIDECAR",
    "SWAGGER_UI_FAVICON_HREF": f"{URL_PREFIX}/favicon.ico",
    "SWAGGER_UI_SETTINGS": {"persistAuthorization": True, "displayRequestDuration": True},
    "ENUM_GENERATE_CHOICE_DESCRIPTION": False,
    "ENUM_NAME_OVERRIDES": {
        "RiskLevel": "events.models.Event.Level",
        "Place": "cameras.models.Camera.Place",
        "ZoneKind": "cameras.models.Zone.Kind",
        "UploadKind": "cameras.models.Upload.Kind",
        "ChannelKind": "events.models.NotificationChannel.Kind",
    },
    "AUTHENTICATION_WHITELIST": [],
    "APPEND_COMPONENTS": {
        "securitySchemes": {
            "session": {"type": "apiKey", "in": "cookie", "name": "sessionid"},
            "bearer": {"type": "http", "scheme": "bearer"},
            "key": {"type": "apiKey", "in": "header", "name": "X-API-Key"},
        },
    },
    "SECURITY": [{"session": []}, {"bearer": []}, {"key": []}],
}

# The loops that `up` runs beside the web server, in the order they start. Each is a factory
# that returns a list of `hsi.workers.loop.Loop`.
EMBEDDED_LOOPS = [
    "cameras.intake.watcher.loops",
    "detection.loops.loops",
    "events.loops.loops",
    "events.notifications.worker.loops",
    "monitoring.housekeeping.loops",
    *(["cameras.simulation.runner.loops"] if _value["HSI_DEMO"] else []),
]

# Called once a second in each process: they write what was gathered in memory, and poll the changed settings.
PERIODIC_FLUSHES = [
    "hsi.live_settings.poll",
    "hsi.metrics.histogram_rows.flush",
    "hsi.metrics.gauges.flush",
    "hsi.metrics.process_metrics.update",
    *(["monitoring.log_writer.flush"] if _value["LOG_DB_ENABLED"] else []),
]

LOGGING = log_config.logging_config(_value)
