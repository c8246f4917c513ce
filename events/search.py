"""Full-text search of events. The text is parsed once into a `Query`, which is translated for each engine.

`front door` requires both words, `"front door"` the phrase, `per*` a prefix, and `-car` excludes a word. The search
covers summary, reasoning, notes and labels (`events.search_index`), and the current name and id of the camera.
"""

from __future__ import annotations

import re
import unicodedata
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Any

from django.db import connection
from django.db.models import BooleanField, FloatField, Q, QuerySet
from django.db.models.expressions import RawSQL

from cameras.models import Camera
from events.models import Event
from events.search_index import MARK, RANK

LONGEST_QUERY = 200
BEST = 200  # maximum number of ranked results
TERM = re.compile(r'(-?)(?:"([^"]*)("?\*?)|(\S+))')
# Up to this many matches are looked up one by one. With more matches, the newest events are scanned until a page is
# full. No database can estimate how rare a word is. SQLite collects all matches first, PostgreSQL tests each event.
FEW = {"sqlite": 50_000, "postgresql": 5_000}
FEW_OF_A_LABEL = 2_000
RANKED = 50_000  # the latest of more matches are ranked
FOUND = "SELECT rowid FROM events_search WHERE events_search MATCH %s"


@dataclass(frozen=True, slots=True)
class Term:
    """A word or phrase. With `prefix` its last word is a prefix."""

    words: tuple[str, ...]
    prefix: bool = False

    def is_in(self, text: list[str]) -> bool:
        length = len(self.words)
        return any(self._is_at(text[start : start + length]) for start in range(len(text) - length + 1))

    def _is_at(self, words: list[str]) -> bool:
        *before, last = self.words
        return words[:-1] == before and (words[-1].startswith(last) if self.prefix else words[-1] == last)


@dataclass(frozen=True, slots=True)
class Query:
    """Required terms, and excluded terms. Both are empty if the text had no word."""

    wanted: tuple[Term, ...] = ()
    unwanted: tuple[Term, ...] = ()

    def __bool__(self) -> bool:
        return bool(self.wanted or self.unwanted)


def words(text: str) -> list[str]:
    """Return the runs of letters and decimal digits in lower case, as both indexes split text."""
    folded = unicodedata.normalize("NFC", text).lower()
    return "".join(character if character.isalpha() or character.isdecimal() else " " for character in folded).split()


def parse(text: str) -> Query:
    """Parse any text. Meaningless parts are ignored. Several words without a space are a phrase."""
    terms: dict[bool, list[Term]] = {False: [], True: []}
    for minus, quoted, after, bare in TERM.findall(text):
        if parts := tuple(words(quoted or bare)):
            terms[bool(minus)].append(Term(parts, prefix=(after or bare).endswith("*")))
    return Query(tuple(dict.fromkeys(terms[False])), tuple(dict.fromkeys(terms[True])))


def matching(events: QuerySet[Event], query: Query) -> QuerySet[Event]:
    """Return the events with every required and no excluded term, in their text or the name of their camera."""
    if not query:
        return events.none()
    by_name, shunned = _cameras(query)
    condition = _in_text(query)
    for held, cameras in by_name.items():
        rest = _without(query, held)
        condition |= Q(camera__in=cameras) & (_in_text(rest) if rest else Q())
    return events.filter(condition, ~Q(camera__in=shunned))


def with_label(events: QuerySet[Event], label: str) -> QuerySet[Event]:
    """Return the events with exactly this label."""
    if connection.vendor == "postgresql":
        return events.filter(labels__contains=[label])
    parts = tuple(words(label))
    text = f"labels : {_for_sqlite(Term(parts))}"
    if parts and _count(text, FEW_OF_A_LABEL) <= FEW_OF_A_LABEL:
        events = events.filter(_condition(f'"events_event"."id" IN ({FOUND})', text))
    return events.filter(_condition('%s IN (SELECT value FROM json_each("events_event"."labels"))', label))


def best(events: QuerySet[Event], query: Query, limit: int) -> list[int]:
    """Return the ids of the best matches. A match in the name of a camera does not count for the rank."""
    by_name, shunned = _cameras(query)
    events = events.exclude(camera__in=shunned)
    ranked = _ranked(events, query, limit)
    for held, cameras in by_name.items():
        ranked += _ranked(events.filter(camera__in=cameras), _without(query, held), limit)
    by_event = {entry[-1]: entry for entry in sorted(ranked, reverse=True)}  # the better one of two entries stays
    return [-minus_id for *_, minus_id in sorted(by_event.values())][:limit]


def _ranked(events: QuerySet[Event], query: Query, limit: int) -> list[tuple[float, float, int]]:
    """Return (rank, minus the time, minus the id), so that the best and among equals the newest sort first."""
    if not query.wanted:
        events = events.filter(_in_text(query)) if query else events
        newest = events.order_by("-started_at", "-id").values_list("started_at", "id")[:limit]
        return [(0.0, -time.timestamp(), -pk) for time, pk in newest]
    ranked = _ranked_by_postgresql if connection.vendor == "postgresql" else _ranked_by_sqlite
    best: QuerySet[Any] = ranked(events, query)  # with `rank`, which is not a field
    rows: Any = best.order_by("rank", "-started_at", "-id").values_list("rank", "started_at", "id")[:limit]
    return [(rank, -time.timestamp(), -pk) for rank, time, pk in rows]


def _ranked_by_postgresql(events: QuerySet[Event], query: Query) -> QuerySet[Event]:
    text = tsquery(query)
    rank = RawSQL('-ts_rank("events_event"."search", %s::tsquery)', [text], output_field=FloatField())
    condition = _in_text(query)
    beyond = Event.objects.filter(condition).order_by("-id").values_list("id", flat=True)[RANKED : RANKED + 1]
    return events.filter(condition, id__gt=next(iter(beyond), 0)).annotate(rank=rank)


def _ranked_by_sqlite(events: QuerySet[Event], query: Query) -> QuerySet[Event]:
    text = match(query)
    beyond = "SELECT rowid FROM events_search WHERE events_search MATCH %s ORDER BY rowid DESC LIMIT 1 OFFSET %s"
    ((floor,),) = _rows(beyond, text, RANKED) or [(0,)]
    where = 'events_search MATCH %s AND events_search.rowid > %s AND events_search.rowid = "events_event"."id"'
    return events.extra(select={"rank": RANK}, tables=["events_search"], where=[where], params=[text, floor])


def _without(query: Query, held: frozenset[Term]) -> Query:
    return replace(query, wanted=tuple(term for term in query.wanted if term not in held))


def _cameras(query: Query) -> tuple[dict[frozenset[Term], list[str]], list[str]]:
    """Return the cameras by the required terms in their name or id, and the cameras with an excluded term."""
    by_name: dict[frozenset[Term], list[str]] = defaultdict(list)
    shunned = []
    for identity, name in Camera.objects.order_by("pk").values_list("pk", "name"):
        texts = (words(name), words(identity))
        if _held(query.unwanted, texts):
            shunned.append(identity)
        elif held := _held(query.wanted, texts):
            by_name[held].append(identity)
    return by_name, shunned


def _held(terms: Iterable[Term], texts: tuple[list[str], ...]) -> frozenset[Term]:
    return frozenset(term for term in terms if any(term.is_in(text) for text in texts))


def _in_text(query: Query) -> Q:
    """Return the events whose own text has every required and no excluded term."""
    if connection.vendor == "postgresql":
        return Q(_found_by_postgresql(tsquery(query)))
    if not query.wanted:
        return ~Q(_found_by_sqlite(" OR ".join(map(_for_sqlite, query.unwanted))))
    return Q(_found_by_sqlite(match(query)))


def _found_by_postgresql(text: str) -> RawSQL:
    few = [
        pk
        for (pk,) in _rows(
            f"SELECT id FROM events_event WHERE search @@ %s::tsquery LIMIT {FEW['postgresql'] + 1}", text
        )
    ]
    if len(few) > FEW["postgresql"]:
        return _condition('"events_event"."search" @@ %s::tsquery', text)
    return _condition('"events_event"."id" = ANY(%s)', few)


def _found_by_sqlite(text: str) -> RawSQL:
    walk = (
        "+" if _count(text, FEW["sqlite"]) > FEW["sqlite"] else ""
    )  # the sign keeps the planner from looking each of them up
    return _condition(f'{walk}"events_event"."id" IN ({FOUND})', text)


def _count(text: str, most: int) -> int:
    """Return the number of matches on SQLite. Counting stops beyond `most`."""
    ((count,),) = _rows(f"SELECT count(*) FROM ({FOUND} LIMIT {most + 1})", text)
    return int(count)


def _rows(sql: str, *parameters: Any) -> list[Any]:
    with connection.cursor() as cursor:
        cursor.execute(sql, parameters)
        return list(cursor.fetchall())


def _condition(sql: str, parameter: Any) -> RawSQL:
    return RawSQL(sql, [parameter], output_field=BooleanField())


def tsquery(query: Query) -> str:
    """Return the query for PostgreSQL. Words have only letters and digits, so they need no quotes."""
    unwanted = [f"!{_for_postgresql(term)}" for term in query.unwanted]
    return " & ".join([*map(_for_postgresql, query.wanted), *unwanted])


def match(query: Query) -> str:
    """Return the query for FTS5, which cannot search for excluded terms alone."""
    wanted = " AND ".join(map(_for_sqlite, query.wanted))
    return f"({wanted}) NOT ({' OR '.join(map(_for_sqlite, query.unwanted))})" if query.unwanted else wanted


def _for_postgresql(term: Term) -> str:
    return "(" + " <-> ".join(MARK + word for word in term.words) + ":*" * term.prefix + ")"


def _for_sqlite(term: Term) -> str:
    return '"' + " ".join(term.words) + '"' + "*" * term.prefix
