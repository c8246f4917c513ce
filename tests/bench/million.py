"""A million judged events of one detection each, as years leave them, made by the database itself."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from django.db import connection

from tests.bench.month import camera_of, cameras, digest, rows, time_of

EVENTS = 1_000_000
SECONDS_APART = 60
SUMMARY = (
    "CASE n%4 WHEN 0 THEN 'A person walks up to the front door' WHEN 1 THEN 'A car stops in the driveway' "
    "WHEN 2 THEN 'A dog runs across the garden' ELSE 'Two persons at the garage' END||' at '||n"
)
REASONING = "'It is an ordinary hour, nothing was carried, and the same was seen '||(n%50)||' times this month.'"
LABEL = "CASE n%4 WHEN 1 THEN 'car' WHEN 2 THEN 'dog' ELSE 'person' END"
RARE = "CASE WHEN n%100000=0 THEN 'zebra' ELSE {} END"  # ten events of a million
RISK = "(n%7)*16"  # 0 to 96


def fill() -> None:
    start = datetime.now(UTC) - timedelta(seconds=SECONDS_APART * EVENTS)
    with connection.cursor() as cursor:
        if connection.vendor == "postgresql":
            cursor.execute("SET session_replication_role=replica")  # a million references need not be looked up
        for statement in (cameras(start), upload(start), batches(start), detections(start), events(start), links()):
            cursor.execute(statement)
        if connection.vendor == "postgresql":
            cursor.execute("SET session_replication_role=origin")
            cursor.execute("VACUUM ANALYZE")
        else:
            cursor.execute("ANALYZE")


def upload(start: datetime) -> str:
    return rows("cameras_upload", 1, {
        "camera_id": camera_of("n"), "path": "'camera1/one.jpg'", "kind": "'image'", "size": "1", "mtime_ns": "1",
        "version_key": digest("n"), "sha256": digest("-n"), "thumbnail": "''", "captured_at": time_of(start, 0),
        "captured_at_source": "'name'", "clock_skew": "false", "received_at": time_of(start, 0), "state": "'detected'",
        "reason": "''", "quarantine": "''", "attempts": "1", "detector": "''", "finished_at": time_of(start, 0),
        "file_gone": "false",
    })  # fmt: skip


def batches(start: datetime) -> str:
    at = time_of(start, SECONDS_APART)
    return rows("detection_batch", EVENTS, {
        "camera_id": camera_of("n"), "state": "'analysed'", "is_backfill": "false", "is_fast_path": "false",
        "is_sure": "true", "pictures": "CAST('{}' AS jsonb)" if connection.vendor == "postgresql" else "'{}'",
        "detection_count": "1", "upload_count": "1", "started_at": at, "ended_at": at, "opened_at": at, "due_at": at,
        "closed_at": at, "finished_at": at,
    })  # fmt: skip


def detections(start: datetime) -> str:
    return rows("detection_detection", EVENTS, {
        "upload_id": "1", "batch_id": "n", "camera_id": camera_of("n"), "ordinal": "n",
        "label": RARE.format(LABEL), "confidence": "0.5", "x": "0.1", "y": "0.1", "width": "0.2", "height": "0.2",
        "captured_at": time_of(start, SECONDS_APART),
        "zones": "CAST('[]' AS jsonb)" if connection.vendor == "postgresql" else "'[]'", "ignored": "''",
    })  # fmt: skip


def links() -> str:
    return rows("events_eventbatch", EVENTS, {"batch_id": "n", "event_id": "n"})


def events(start: datetime) -> str:
    at = time_of(start, SECONDS_APART)
    level = (
        f"CASE WHEN {RISK}<30 THEN 'low' WHEN {RISK}<60 THEN 'medium' WHEN {RISK}<85 THEN 'high' ELSE 'critical' END"
    )
    labels = f"'[\"'||{RARE.format(LABEL)}||'\"]'"
    return rows("events_event", EVENTS, {
        "camera_id": camera_of("n"), "started_at": at, "ended_at": at, "risk_score": RISK, "ended": "true",
        "judged_detection_count": "1", "people_at_once": "0", "is_digest": "false",
        "risk_level": level, "risk_source": "'llm'", "analysis": "'done'", "summary": SUMMARY, "reasoning": REASONING,
        "recommended_action": "''", "model": "'a model'", "detection_count": "1", "is_fast_path": "false",
        "labels": f"CAST({labels} AS jsonb)" if connection.vendor == "postgresql" else labels,
        "reviewed": "n%3=0" if connection.vendor == "postgresql" else "(n%3=0)", "kept": "false", "notes": "''",
        "held_back_by": "CAST('[]' AS jsonb)" if connection.vendor == "postgresql" else "'[]'",
        "created_at": at, "updated_at": at,
    })  # fmt: skip
