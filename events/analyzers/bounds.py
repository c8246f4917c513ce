"""Bounds of a model's score around the score by rules.

Without pictures, the model knows no more than the rules, so both may differ by at most `MOST_DIFFERENCE`.
"""

from __future__ import annotations

from events.analyzers import Context

MOST_DIFFERENCE = 30


def bounded_score(score: int, rule_score: int, context: Context, corrections: list[str]) -> int:
    """Return the score within the bounds, and note a change in `corrections`."""
    final = min(max(score, rule_score - MOST_DIFFERENCE, 0), rule_score + MOST_DIFFERENCE, 100)
    if final != score:
        corrections.append(f"score {score} held at {final}, because the rules score {rule_score}")
    return final
