"""Bounds of a model's score around the score by rules.

Without pictures, the model knows no more than the rules, so both may differ by at most `MOST_DIFFERENCE`. A person on
private ground at night is never below medium.
"""

from __future__ import annotations

from django.conf import settings

from events.analyzers import Context
from events.analyzers.light import Light
from events.analyzers.situation import situation_of

MOST_DIFFERENCE = 30


def bounded_score(
    score: int, rule_score: int, context: Context, corrections: list[str], *, has_pictures: bool = False
) -> int:
    """Return the score within the bounds, and note a change in `corrections`."""
    final = score
    if not has_pictures:
        final = min(max(score, rule_score - MOST_DIFFERENCE, 0), rule_score + MOST_DIFFERENCE, 100)
    if final != score:
        corrections.append(f"score {score} held at {final}, because the rules score {rule_score}")
    lowest: int = settings.SEVERITY_LOW_MAX + 1
    if final < lowest and is_person_on_private_ground_at_night(context):
        corrections.append(f"score {final} raised to {lowest}: a person on private ground at night")
        return lowest
    return final


def is_person_on_private_ground_at_night(context: Context) -> bool:
    """Whether the detector is sure of a person there. A person of whom it is not sure stays low."""
    situation = situation_of(context)
    people = [one for one in situation.subjects if one.group == "person" and one.place == "private" and one.is_sure]
    return situation.light is Light.NIGHT and bool(people)
