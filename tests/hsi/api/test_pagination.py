from __future__ import annotations

from datetime import timedelta

import pytest
from rest_framework.exceptions import ValidationError
from rest_framework.request import Request
from rest_framework.test import APIRequestFactory

from cameras.models import Camera, Upload
from detection.models import Detection
from hsi.api.pagination import KeysetPagination, after, cursor_of
from tests import factories

pytestmark = pytest.mark.django_db


class View:
    def __init__(self, keyset: str) -> None:
        self.keyset = keyset


def page(keyset: str, **query: object) -> tuple[list[object], str | None]:
    paginator = KeysetPagination()
    queryset = Camera.objects.all() if keyset.endswith("id") else Upload.objects.all()
    rows = paginator.paginate_queryset(queryset, Request(APIRequestFactory().get("/", query)), View(keyset))  # type: ignore[arg-type]
    return [row.pk for row in rows], paginator.next_cursor


def all_pages(keyset: str, limit: int) -> list[object]:
    seen, cursor = page(keyset, limit=limit)
    while cursor:
        more, cursor = page(keyset, limit=limit, cursor=cursor)
        assert more
        seen += more
    return seen


def test_every_row_comes_once_and_the_newest_first_also_with_equal_times():
    times = [factories.NOW + timedelta(seconds=second) for second in (0, 0, 0, 1, 2, 2)]
    made = [factories.upload(captured_at=time).pk for time in times]
    for limit in (1, 2, 3, 6, 7):
        assert all_pages("captured_at", limit) == made[::-1]


def test_the_order_can_be_turned_round():
    times = [factories.NOW + timedelta(seconds=second) for second in (0, 0, 1)]
    made = [factories.upload(captured_at=time).pk for time in times]
    assert all_pages("-captured_at", 2) == made


def test_ids_that_are_text_are_paged_too():
    for identity in ("b", "a", "c"):
        factories.camera(identity)
    assert all_pages("-id", 1) == ["a", "b", "c"]
    assert all_pages("id", 2) == ["c", "b", "a"]


def test_a_row_that_comes_meanwhile_shifts_nothing():
    made = [factories.upload(captured_at=factories.NOW + timedelta(seconds=second)).pk for second in range(4)]
    first, cursor = page("captured_at", limit=2)
    factories.upload(captured_at=factories.NOW + timedelta(days=1))
    second, _ = page("captured_at", limit=2, cursor=cursor)
    assert first + second == made[::-1]


def test_a_page_is_one_query(django_assert_num_queries):
    for _ in range(3):
        factories.upload()
    with django_assert_num_queries(1):
        page("captured_at", limit=2)


def test_a_cursor_of_another_list_or_of_nobody_is_refused():
    upload = factories.upload()
    good = cursor_of(upload, "captured_at", Upload)
    assert after(good, "captured_at", Upload)
    for cursor, keyset, model in (
        (good, "-captured_at", Upload),
        (good, "captured_at", Detection),
        (good[:-1], "captured_at", Upload),
        ("eyJhIjoxfQ", "captured_at", Upload),
        ("\0:é:x", "captured_at", Upload),
    ):
        with pytest.raises(ValidationError):
            after(cursor, keyset, model)
