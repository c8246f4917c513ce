"""Texts that were made while analysers were told of other cameras: what could tell of those goes.

A prompt loses nothing but its list of other cameras. What a language model wrote is removed where it was told of another
camera, or of an earlier event whose text it had written so. Scores stay, and *Judge again* gives a new text.
"""

import re
from datetime import timedelta

from django.db import migrations

REMOVED = "Removed: this text could tell of other cameras. Judge the event again for a new one."
TEXTS = {"summary": "", "reasoning": REMOVED, "recommended_action": ""}
OTHERS = re.compile(r"Other cameras near in time:\n((?:- [^\n]*\n)+)\n?")
NOBODY = "- nothing\n"
BY_RULES = re.compile(r"; [^;]* at another camera near in time \+\d+")
REMEMBERED = timedelta(days=2)  # so far back an analyser was told of earlier events of the camera
CHUNK = 500


def remove(apps, schema_editor):
    told = _told_of_others(apps)
    _remove_from_events(apps, told)
    _remove_from_judgements(apps, told)
    _remove_from_copies(apps, told)


def _told_of_others(apps):
    """The ids of the events whose text may tell of another camera."""
    if apps.get_model("cameras", "Camera").objects.count() < 2:
        return set()
    prompts = {}
    judgements = apps.get_model("events", "Judgement").objects.filter(risk_source="llm").order_by("id")
    for event, prompt in judgements.values_list("event_id", "prompt").iterator(CHUNK):
        prompts[event] = _is_told(prompt)
    events = apps.get_model("events", "Event")._base_manager.filter(risk_source="llm").order_by("camera_id", "started_at")
    told, last = set(), {}
    for event, camera, at in events.values_list("id", "camera_id", "started_at").iterator(CHUNK):
        remembers = camera in last and at - last[camera] <= REMEMBERED
        if remembers or prompts.get(event, True):  # nobody knows what it was told: its prompt was not kept
            told.add(event)
            last[camera] = at
    return told


def _is_told(prompt):
    found = OTHERS.search(prompt)
    return bool(found and found[1] != NOBODY)


def _remove_from_events(apps, told):
    events = apps.get_model("events", "Event")._base_manager
    ids = sorted(told)
    for start in range(0, len(ids), CHUNK):
        events.filter(pk__in=ids[start : start + CHUNK]).update(**TEXTS)
    for event in events.filter(risk_source="rules", reasoning__contains=" at another camera near in time").iterator(CHUNK):
        events.filter(pk=event.pk).update(reasoning=BY_RULES.sub("", event.reasoning))


def _remove_from_judgements(apps, told):
    judgements = apps.get_model("events", "Judgement").objects
    for judgement in judgements.filter(risk_source="llm").iterator(CHUNK):
        if judgement.event_id in told or _is_told(judgement.prompt):
            judgement.answer = ""
        judgement.prompt = OTHERS.sub("", judgement.prompt)
        judgement.save(update_fields=["prompt", "answer"])


def _remove_from_copies(apps, told):
    """Messages of the stream and answers that are kept show an event as it was."""
    for model, kinds in (("StreamMessage", {"type__startswith": "event."}), ("KeptAnswer", {})):
        for row in apps.get_model("hsi", model).objects.filter(**kinds).iterator(CHUNK):
            if not isinstance(row.data, dict) or "reasoning" not in row.data:
                continue
            texts = TEXTS if row.data.get("id") in told else {"reasoning": BY_RULES.sub("", row.data["reasoning"])}
            if any(row.data.get(name) != text for name, text in texts.items()):
                row.data |= texts
                row.save(update_fields=["data"])


class Migration(migrations.Migration):

    dependencies = [
        ("cameras", "0003_zones"),
        ("events", "0007_delivery_dead"),
        ("hsi", "0006_kept_answers"),
    ]

    operations = [
        migrations.RunPython(remove, migrations.RunPython.noop, elidable=True),
    ]
