from __future__ import annotations

from typing import Any

import pytest
from django.test import RequestFactory
from django.views.debug import technical_500_response

from hsi.logs import redaction

pytestmark = pytest.mark.one_engine


@pytest.mark.parametrize("accept", ["text/html", "text/plain"])
def test_the_page_of_an_error_in_development_mode_holds_no_secret(settings: Any, accept: str):
    settings.DEBUG, settings.RTDETR_API_KEY = True, "-".join(("Key", "of", "a", "setting", "7"))
    handled = "-".join(("Kept", "9", "value"))
    redaction.handle([f"https://example.org/in/{handled}"])
    values = {"username": "ann", "password": "-".join(("Typed", "pass", "5")), "note": "plain words"}
    request = RequestFactory().post("/login", values, headers={"Accept": accept})
    del values
    local = f"{handled} of https://example.org/in/{handled}"
    try:
        raise RuntimeError(f"{local} refused {settings.RTDETR_API_KEY}")
    except RuntimeError as error:
        page = technical_500_response(request, RuntimeError, error, error.__traceback__).content.decode()
    assert "plain words" in page
    assert "RuntimeError" in page
    for parts in (("Kept", "9", "value"), ("Key", "of", "a", "setting", "7"), ("Typed", "pass", "5")):
        assert "-".join(parts) not in page  # in parts: the page shows the lines of this file as well
