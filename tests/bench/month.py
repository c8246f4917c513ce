"""Rows as a month leaves them: analysed batches with an event each, of pictures in which something was found."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

from django.db import connection

DETECTIONS, UPLOADS, BATCHES, CAMERAS = 1_000_000, 250_000, 50_000, 8
SECONDS_APART = 10  # from upload to upload: 29 days


def fill() -> None:
    """Make them by the database itself, in an empty one."""
    start = datetime.now(UTC) - timedelta(days=30)
    with connection.cursor() as cursor:
        if connection.vendor == "postgresql":
            cursor.execute("SET session_replication_role=replica")  # a million references need not be looked up
        for statement in (
            cameras(start),
            uploads(start),
            batches(start),
            detections(start),
            events(start),
            links(),
            *messages(start),
        ):
            cursor.execute(statement)
        if connection.vendor == "postgresql":
            cursor.execute("SET session_replication_role=origin")
        cursor.execute("ANALYZE")


def json(text: str) -> str:
    return f"CAST('{text}' AS jsonb)" if connection.vendor == "postgresql" else f"'{text}'"


def cameras(start: datetime) -> str:
    return rows("cameras_camera", CAMERAS, {
        "id": "'camera'||(n-1)", "name": "'Camera '||(n-1)", "folder": "'camera'||(n-1)", "time_zone": "''",
        "vendor": "''", "enabled": "true", "created_at": time_of(start, 0), "clock_correction_seconds": "0",
        "place": "''", "labels": json("[]"), "thresholds": json("{}"), "min_sizes": json("{}"),
        "max_sizes": json("{}"), "channel_pattern": "''", "reuses_names": "false",
    })  # fmt: skip


def uploads(start: datetime) -> str:
    at, sha256 = time_of(start, SECONDS_APART), digest("-n")
    return rows("cameras_upload", UPLOADS, {
        "camera_id": camera_of("n"), "path": camera_of("n") + "||'/old'||n||'.jpg'", "kind": "'image'",
        "size": "100000+n", "mtime_ns": "n*CAST(1000000000 AS bigint)", "version_key": digest("n"),
        "sha256": sha256, "dedup_key": sha256, "thumbnail": "'thumbnails/'||n", "captured_at": at,
        "captured_at_source": "'name'", "clock_skew": "false", "received_at": at, "state": "'detected'",
        "reason": "''", "quarantine": "''", "attempts": "1", "detector": "'instant'", "finished_at": at,
        "file_gone": "false",
    })  # fmt: skip


def batches(start: datetime) -> str:
    at = time_of(start, SECONDS_APART * UPLOADS / BATCHES)
    return rows("detection_batch", BATCHES, {
        "camera_id": camera_of("n"), "state": "'analysed'", "is_backfill": "false", "is_fast_path": "false",
        "pictures": json("{}"), "is_sure": "true",
        "detection_count": str(DETECTIONS // BATCHES), "upload_count": str(UPLOADS // BATCHES), "started_at": at,
        "ended_at": at, "opened_at": at, "due_at": at, "closed_at": at, "finished_at": at,
    })  # fmt: skip


def detections(start: datetime) -> str:
    apiece = DETECTIONS // UPLOADS
    upload = f"(1+(n-1)/{apiece})"
    return rows("detection_detection", DETECTIONS, {
        "upload_id": upload, "batch_id": f"1+(n-1)/{DETECTIONS // BATCHES}", "camera_id": camera_of(upload),
        "ordinal": f"(n-1)%{apiece}", "label": "CASE n%3 WHEN 0 THEN 'person' WHEN 1 THEN 'car' ELSE 'dog' END",
        "confidence": "0.5", "x": "0.1", "y": "0.1", "width": "0.2", "height": "0.2",
        "captured_at": time_of(start, SECONDS_APART / apiece),
        "zones": json("[]"), "ignored": "''",
    })  # fmt: skip


def links() -> str:
    return rows("events_eventbatch", BATCHES, {"batch_id": "n", "event_id": "n"})


def events(start: datetime) -> str:
    at = time_of(start, SECONDS_APART * UPLOADS / BATCHES)
    return rows("events_event", BATCHES, {
        "camera_id": camera_of("n"), "started_at": at, "ended_at": at, "risk_score": "n%100", "ended": "true",
        "judged_detection_count": "20", "people_at_once": "0", "is_digest": "false",
        "risk_level": "'low'", "risk_source": "'rules'", "analysis": "'done'", "summary": "'A car.'",
        "reasoning": "''", "recommended_action": "''", "model": "''", "labels": "'[\"car\"]'",
        "detection_count": "20", "is_fast_path": "false", "reviewed": "false", "kept": "false", "notes": "''",
        "held_back_by": "'[]'", "created_at": at, "updated_at": at,
    })  # fmt: skip


def messages(start: datetime) -> Iterator[str]:
    yield rows("hsi_streammessage", UPLOADS, {
        "seq": "n", "type": "'detection.created'", "camera": camera_of("n"),
        "created_at": time_of(start, SECONDS_APART), "data": "'{\"upload\": 1, \"labels\": [\"car\"]}'",
    })  # fmt: skip
    yield f"INSERT INTO hsi_streamhead (id,seq) VALUES (1,{UPLOADS})"


def camera_of(number: str) -> str:
    return f"'camera'||({number}%{CAMERAS})"


def rows(table: str, count: int, columns: dict[str, str]) -> str:
    """A statement that makes `count` rows, each column from an expression of `n`, 1 to `count`."""
    return (
        f"WITH RECURSIVE numbers(n) AS (SELECT 1 UNION ALL SELECT n+1 FROM numbers WHERE n<{count})"
        f" INSERT INTO {table} ({','.join(columns)}) SELECT {','.join(columns.values())} FROM numbers"
    )


def time_of(start: datetime, step_seconds: float) -> str:
    first = f"{start:%Y-%m-%d %H:%M:%S}"
    if connection.vendor == "postgresql":
        return f"timestamptz '{first}+00'+n*interval '{step_seconds} seconds'"
    return f"strftime('%Y-%m-%d %H:%M:%f','{first}','+'||(n*{step_seconds})||' seconds')"


def digest(number: str) -> str:
    """64 characters, as different from row to row as a hash is at its beginning."""
    return (
        f"md5(({number})::text)||md5(({number})::text)"
        if connection.vendor == "postgresql"
        else "lower(hex(randomblob(32)))"
    )
