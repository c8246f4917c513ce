"""A million of everything else that the admin lists: uploads, letters, jobs, messages, alerts, deliveries, samples."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from django.conf import settings
from django.db import connection

from tests.bench import million
from tests.bench.month import camera_of, digest, rows, time_of


def fill() -> None:
    """Beside the rows of `million`, to which these refer."""
    at = time_of(datetime.now(UTC) - timedelta(seconds=million.EVENTS), 1)
    with connection.cursor() as cursor:
        if connection.vendor == "postgresql":
            cursor.execute("SET session_replication_role=replica")  # a million references need not be looked up
        cursor.execute(rows("events_notificationchannel", 1, channel(at)))
        for table, columns in tables(at).items():
            # Queues are bounded; nothing else is.
            bound = settings.QUEUE_MAX_SIZE if table == "hsi_queuejob" else million.EVENTS
            cursor.execute(rows(table, min(million.EVENTS, bound), columns))
        if connection.vendor == "postgresql":
            cursor.execute("SET session_replication_role=origin")
        cursor.execute("ANALYZE")


def channel(at: str) -> dict[str, str]:
    return {
        "name": "'hook'", "kind": "'webhook'", "enabled": "true", "min_severity": "'low'", "recipients": "'[]'",
        "settings": "'{}'", "target": "''", "sealed": "''", "failures": "0",
        "last_error": "''", "created_at": at,
    }  # fmt: skip


def tables(at: str) -> dict[str, dict[str, str]]:
    """Columns by table, each an SQL expression of the row's number n."""
    uid = f"substr({digest('n')},1,32)"
    return {
        "cameras_upload": {
            "camera_id": camera_of("n"), "path": camera_of("n") + "||'/old'||n||'.jpg'", "kind": "'image'",
            "size": "100000+n", "mtime_ns": "n*CAST(1000000000 AS bigint)", "version_key": digest("n+2000000"),
            "sha256": digest("-n"), "thumbnail": "'thumbnails/'||n", "captured_at": at, "captured_at_source": "'name'",
            "clock_skew": "false", "received_at": at, "state": "CASE n%100 WHEN 0 THEN 'dead' ELSE 'detected' END",
            "reason": "''", "quarantine": "''", "attempts": "1", "detector": "'instant'", "finished_at": at,
            "file_gone": "false",
        },
        "hsi_deadletter": {
            "queue": "'detection_queue'", "row_id": "n", "payload": "'{}'", "reason": "'attempts'",
            "error_type": "'AIServiceError'", "error_text": "'rtdetr did not answer within 60 s'", "stack": "''",
            "response_body": "''", "attempts": "5", "failures": "'[]'", "first_failed_at": at, "last_failed_at": at,
            "state": "CASE n%1000 WHEN 0 THEN 'open' ELSE 'requeued' END", "created_at": at, "resolved_by": "'ann'",
        },
        "hsi_queuejob": {
            "queue": "'detection_queue'", "row_id": "n", "attempts": "0", "enqueued_at": "1800000000.0+n",
            "due_at": "1800000000.0+n", "lease": "''", "failures": "'[]'", "trace": "''",
        },
        "hsi_streammessage": {
            "seq": "n", "type": "'detection.created'", "camera": camera_of("n"), "data": "'{}'", "created_at": at,
        },
        "events_alert": {
            "uid": f"CAST({uid} AS uuid)" if connection.vendor == "postgresql" else uid, "event_id": "n",
            "camera_id": camera_of("n"), "dedup_key": "'k'||n", '"window"': "n", "severity": "'high'",
            "status": "CASE n%10 WHEN 0 THEN 'open' ELSE 'acknowledged' END", "handled_by": "'ann'", "created_at": at,
            "updated_at": at,
        },
        "events_delivery": {
            "channel_id": "1", "alert_id": "n", "stage": "'first'", "state": "'sent'", "attempts": "1",
            "last_error": "''", "lease": "''", "sent_content": "'{}'", "reached": "'[]'", "created_at": at,
            "sent_at": at,
        },
        "monitoring_jobrun": {
            "name": "'prune'", "outcome": "'done'", "started_at": at, "ended_at": at, "counts": "'{}'", "error": "''",
            "requested_by": "''", "cursor": "0",
        },
        "monitoring_gpusample": {"recorded_at": at, "host": "'attic'", "gpu": "0", "name": "'a card'"},
        "monitoring_storagesample": {
            "recorded_at": at, "originals_bytes": "n", "quarantine_bytes": "0", "cameras": "'{}'",
        },
        "hsi_loginfailure": {
            "username_hash": digest("n"), "address": "'192.0.2.1'", "created_at": at,
            "is_known": "false", "device": "''",
        },
    }  # fmt: skip
