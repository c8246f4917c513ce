"""What each person is answered at every address of the admin, by rule: what is not named here is for administrators."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

from django.contrib import admin
from django.contrib.admin.utils import quote
from django.db.models import Model

from tests.access import PEOPLE, STAFF, Case, is_admin, routes

# Of these, staff see the rows of their cameras.
SEEN_BY_STAFF = {
    "cameras.camera", "cameras.upload", "cameras.zone", "detection.detection", "detection.batch",
    "detection.staticobject",
    "events.event", "events.habit", "events.alert",
}  # fmt: skip
# Of these, operators change what they see: by the form, by actions of the list, by buttons on the page.
FORMS_OF_OPERATORS = {"events.event"}
ACTIONS_OF_OPERATORS = {
    "cameras.upload": {"try_again"},
    "events.event": {"mark_reviewed", "mark_unreviewed", "release"},
    "events.alert": {"acknowledge", "dismiss"},
}
BUTTONS_OF_OPERATORS = {"reviewed", "reanalyse", "feedback", "alert"}
# What is no list and no row, to read: it tells of nothing but what staff may see, or leads elsewhere.
OPEN_TO_STAFF = {
    "admin/": 200, "admin/login/": 302, "admin/logout/": 405, "admin/jsi18n/": 200, "admin/search/": 200,
    "admin/password_change/": 302, "admin/password_change/done/": 302,
}  # fmt: skip
# What is no address: the list of an app, and whatever else begins with /admin/.
PATTERNS = re.compile(r"\(\?P")
VALUES = {
    "<slug:kind>": "event", "<slug:step>": "name", "<slug:name>": "detection_queue", "<slug:pk>": "door",
    "<int:pk>": "1", "<int:static_object>": "1", "<id>": "1",
}  # fmt: skip
CLOSED, GONE, DONE, NEVER = frozenset({403}), frozenset({302}), frozenset({200}), frozenset({405})
NOT_FOUND = frozenset({404})
# Of a list that staff see.
QUERIES = ("", "?q=garden", "?_popup=1&_to_field=id")
OUTSIDERS = frozenset({302, 403, 405})
# An administrator is refused only what is nobody's, such as adding rows that a machine writes.
ANY = frozenset({200, 302, 400, 403, 404, 405})


@dataclass(frozen=True, slots=True)
class Row:
    """`whose`: mine or theirs, of rows that belong to a camera."""

    pk: Any
    whose: str


def admin_cases() -> list[Case]:
    """Every list, row and page of the admin: to read, and to change where a form, an action or a button does."""
    found = [one for model in admin.site._registry for one in _of_model(model)]
    known = {one.route for one in found}
    for route in routes():
        if is_admin(route) and not PATTERNS.search(route) and _shape(route) not in known:
            found += _of_page(route)
    return found


def _of_model(model: type[Model]) -> list[Case]:
    label = model._meta.label_lower
    seen, form = label in SEEN_BY_STAFF, label in FORMS_OF_OPERATORS
    page = frozenset({200}) if seen else CLOSED
    cases = [
        *(_case("get", model, "changelist", None, page, query) for query in QUERIES[: 1 + 2 * seen]),
        _case("get", model, "add", None, CLOSED),
        _case("post", model, "add", None, CLOSED),
    ]
    for row in rows_of(model):
        there = GONE if row.whose == "theirs" else page
        cases += [
            _case("get", model, "row", row, GONE),  # leads to the next one
            _case("get", model, "change", row, there),
            _case("get", model, "history", row, CLOSED),
            _case("get", model, "delete", row, CLOSED),
            _case("post", model, "change", row, CLOSED, operator=GONE if form else CLOSED, data={"notes": "seen"}),
            _case("post", model, "delete", row, CLOSED, data={"post": "yes"}),
        ]
        for button in BUTTONS_OF_OPERATORS if label == "events.event" else ():
            cases += [
                _case("get", model, button, row, NEVER),
                _case("post", model, button, row, CLOSED, operator=NOT_FOUND if row.whose == "theirs" else GONE),
            ]
    return cases


def _of_page(route: str) -> list[Case]:
    path = route
    for parameter, value in VALUES.items():
        path = path.replace(parameter, value)
    assert "<" not in path, f"say in tests/access_admin.py what stands for the parameters of {route}"
    if route in OPEN_TO_STAFF:
        status = frozenset({OPEN_TO_STAFF[route]})
        return [Case("get", route, f"/{path}", _allowed(status, status))]
    shut = CLOSED | NEVER if route == "admin/autocomplete/" else CLOSED
    closed = _allowed(shut, shut)
    return [Case("get", route, f"/{path}", closed), Case("post", route, f"/{path}", closed)]


def _case(
    method: str, model: type[Model], kind: str, row: Row | None, viewer: frozenset[int], query: str = "", *,
    operator: frozenset[int] | None = None, data: dict[str, Any] | None = None,
) -> Case:  # fmt: skip
    start = f"admin/{model._meta.app_label}/{model._meta.model_name}/"
    slash = "" if kind in BUTTONS_OF_OPERATORS else "/"
    end = {"changelist": "", "add": "add/", "row": "<>/"}.get(kind, f"<>/{kind}{slash}")
    path = f"/{start}{end}{query}".replace("<>", quote(str(row.pk)) if row else "")
    note = query or (row.whose if row else "")
    return Case(method, start + end, path, _allowed(viewer, operator or viewer), data or {}, note)


def _shape(route: str) -> str:
    """`route` without the kinds of its parameters."""
    return re.sub(r"<[^>]*>", "<>", route)


def _allowed(viewer: frozenset[int], operator: frozenset[int]) -> dict[str, frozenset[int]]:
    others = {who: OUTSIDERS for who in PEOPLE if who not in STAFF}
    return others | {"staff viewer": viewer, "staff operator": operator, "admin": ANY}


def rows_of(model: type[Model]) -> list[Row]:
    """The row that is the viewer's and the one that is not, where the model's rows are told apart; else any row."""
    rows = model._default_manager.order_by("-pk")
    if model._meta.label_lower not in SEEN_BY_STAFF:
        return [Row(row.pk, "") for row in rows[:1]]
    field = "pk" if model._meta.label_lower == "cameras.camera" else "camera"
    cameras = {"mine": "door", "theirs": "garden"}
    return [Row(rows.filter(**{field: camera})[0].pk, whose) for whose, camera in cameras.items()]
