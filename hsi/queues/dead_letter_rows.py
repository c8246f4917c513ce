"""Dead letters: the row that a buried job becomes, whatever the backend."""

from __future__ import annotations

from datetime import UTC, datetime

from django.utils import timezone

from hsi.logs.redaction import redact
from hsi.models import DeadLetter
from hsi.queues import Failure, Job


def dead_letter(job: Job, reason: str, error: BaseException, stack: str) -> DeadLetter:
    """Store the whole story of a job that could not be done, without secrets."""
    last = Failure.of(error)
    failures = [*job.failures, last.as_dict()]
    return DeadLetter.objects.create(
        queue=job.queue,
        row_id=job.row_id,
        payload={"row_id": job.row_id, "put_at": job.put_at, "trace": job.trace},
        reason=reason,
        error_type=last.error,
        error_text=last.text,
        stack=redact(stack.replace("\0", "")),
        http_status=last.http_status,
        response_body=redact(getattr(error, "body", "")),
        attempts=job.attempts,
        failures=failures,
        first_failed_at=datetime.fromisoformat(failures[0]["at"]).astimezone(UTC),
        last_failed_at=timezone.now(),
    )
