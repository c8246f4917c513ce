"""Searching events by words. What is asked is read once into `Query`, and translated for either engine.

`front door` wants both words, `"front door"` one after the other, `per*` a beginning, and `-car` leaves out. Searched
are summary, reasoning, notes, labels (`events.searchindex`), and the name and id of the camera as they are now.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Any

from django.db import connection
from django.db.models import BooleanField, FloatField, Q, QuerySet
from django.db.models.expressions import RawSQL

from cameras.models import Camera
from events.models import Event
from events.searchindex import MARK, RANK

LONGEST_QUERY = 200
BEST = 200  # ranked results there are, at most
TERM = re.compile(r'(-?)(?:"([^"]*)("?\*?)|(\S+))')
# So many matches are looked up by their text, and ranked. Of more, SQLite walks the newest first until a page is full,
# and the latest are ranked.
FEW = 50_000


@dataclass(frozen=True, slots=True)
class Term:
    """Words that stand one after the other. With `prefix` the last one is the beginning of a word."""

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
    """What is wanted, all of it, and what must not be there. Both empty: there was no word in it."""

    wanted: tuple[Term, ...] = ()
    unwanted: tuple[Term, ...] = ()

    def __bool__(self) -> bool:
        return bool(self.wanted or self.unwanted)


def words(text: str) -> list[str]:
    """Runs of letters and decimal digits in lower case, as both indexes cut them."""
    return "".join(one if one.isalpha() or one.isdecimal() else " " for one in text.lower()).split()


def parse(text: str) -> Query:
    """Takes any text: what makes no sense is passed over. Several words without a blank are a phrase."""
    found: dict[bool, list[Term]] = {False: [], True: []}
    for minus, quoted, after, bare in TERM.findall(text):
        if parts := tuple(words(quoted or bare)):
            found[bool(minus)].append(Term(parts, prefix=(after or bare).endswith("*")))
    return Query(tuple(dict.fromkeys(found[False])), tuple(dict.fromkeys(found[True])))


def matching(events: QuerySet[Event], query: Query) -> QuerySet[Event]:
    """Those of `events` that have every wanted term, in their text or their camera's name, and no unwanted one."""
    if not query:
        return events.none()
    by_name, shunned = _cameras(query)
    condition = _in_text(query)
    for held, cameras in by_name.items():
        rest = _without(query, held)
        condition |= Q(camera__in=cameras) & (_in_text(rest) if rest else Q())
    return events.filter(condition, ~Q(camera__in=shunned))


def best(events: QuerySet[Event], query: Query, limit: int) -> list[int]:
    """The ids of the events that match best, `BEST` at most. What the camera's name says does not count."""
    by_name, shunned = _cameras(query)
    events = events.exclude(camera__in=shunned)
    found = _ranked(events, query, limit)
    for held, cameras in by_name.items():
        found += _ranked(events.filter(camera__in=cameras), _without(query, held), limit)
    # Worst first, so that the better of two ranks of an event is what stays.
    places = {place[-1]: place for place in sorted(found, reverse=True)}
    return [pk for *_, pk in sorted(places.values())][:limit]


def _ranked(events: QuerySet[Event], query: Query, limit: int) -> list[tuple[float, float, int]]:
    """(rank, minus the time, minus the id), so that the best, and of these the newest, are the smallest."""


def _cameras(query: Query) -> tuple[dict[frozenset[Term], list[str]], list[str]]:
    """The cameras whose name or id holds wanted terms, by which; and those that hold an unwanted one."""
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
    """The events whose own text has every wanted term and no unwanted one."""
    if connection.vendor == "postgresql":
        return Q(_condition('"events_event"."search" @@ %s::tsquery', tsquery(query)))
    if not query.wanted:
        return ~Q(found_by_sqlite(" OR ".join(map(_for_sqlite, query.unwanted))))
    return Q(found_by_sqlite(match(query)))


def found_by_sqlite(text: str) -> RawSQL:
    """The events that this FTS5 expression finds."""
    few = f"SELECT count(*) FROM (SELECT 1 FROM events_search WHERE events_search MATCH %s LIMIT {FEW + 1})"
    with connection.cursor() as cursor:
        cursor.execute(few, [text])
        (count,) = cursor.fetchone()
    walk = "+" if count > FEW else ""  # the sign keeps SQLite from looking each of them up
    return _condition(f'{walk}"events_event"."id" IN (SELECT rowid FROM events_search WHERE events_search MATCH %s)', text)


def _condition(sql: str, text: str) -> RawSQL:
    return RawSQL(sql, [text], output_field=BooleanField())


def tsquery(query: Query) -> str:
    """As PostgreSQL reads it. Words are letters and digits, so that nothing in them has to be quoted."""
    unwanted = [f"!{_for_postgresql(term)}" for term in query.unwanted]
    return " & ".join([*map(_for_postgresql, query.wanted), *unwanted])


def match(query: Query) -> str:
    """As FTS5 reads it, which has no search for what is unwanted alone."""
    wanted = " AND ".join(map(_for_sqlite, query.wanted))
    return f"({wanted}) NOT ({' OR '.join(map(_for_sqlite, query.unwanted))})" if query.unwanted else wanted


def _for_postgresql(term: Term) -> str:
    return "(" + " <-> ".join(MARK + word for word in term.words) + ":*" * term.prefix + ")"


def _for_sqlite(term: Term) -> str:
    return '"' + " ".join(term.words) + '"' + "*" * term.prefix
