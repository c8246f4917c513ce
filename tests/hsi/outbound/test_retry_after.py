from __future__ import annotations

import pytest

from hsi.outbound import retry_after

pytestmark = pytest.mark.one_engine


@pytest.mark.parametrize(
    ("value", "seconds"),
    [
        ("", None),
        ("12", 12.0),
        (" 12 ", 12.0),
        ("99999", 3600.0),
        ("9" * 400, 3600.0),
        ("soon", None),
        ("-1", None),
        ("²", None),
        ("Thu, 01 Jan 2015 00:00:00 GMT", 0),
        ("Thu, 01 Jan 2015 00:00:00", 0),
        ("Fri, 31 Dec 9999 23:59:59 -2359", 3600.0),
    ],
)
def test_retry_after_is_a_number_or_a_date_and_bounded(value, seconds):
    assert retry_after.seconds(value) == seconds
