"""What was last told of a subject, so that each change is told once: by one process, and not again after a restart."""

from __future__ import annotations

from collections.abc import Collection

from django.utils import timezone

from hsi.models import ToldState


def change(subject: str, state: str, *, no_news: Collection[str] = ()) -> bool:
    """Note the state of a subject; whether that is to be told. Call it in the transaction that publishes.

    States in `no_news` are not worth telling of a subject that was never told of.
    """
    last = ToldState.objects.filter(pk=subject).values_list("state", flat=True).first()
    if last == state or (last is None and state in no_news):
        return False
    if last is None:
        return ToldState.objects.get_or_create(subject=subject, defaults={"state": state})[1]
    changed = ToldState.objects.filter(subject=subject).exclude(state=state)
    return bool(changed.update(state=state, changed_at=timezone.now()))
