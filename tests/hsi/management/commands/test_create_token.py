from __future__ import annotations

from io import StringIO

import pytest
from django.core.management import CommandError, call_command

from hsi.models import ApiToken
from hsi.security.tokens import find_token
from tests import factories

pytestmark = pytest.mark.django_db


def run(*arguments: str) -> tuple[str, str]:
    out, err = StringIO(), StringIO()
    call_command("create_token", *arguments, stdout=out, stderr=err)
    return out.getvalue(), err.getvalue()


def test_the_token_is_the_last_line_and_works():
    factories.user("anna")
    out, err = run("anna", "--name", "phone", "--scope", "read, write", "--days", "3")
    found = find_token(out.splitlines()[-1])
    assert found is not None
    assert (found.user.username, found.name, found.scopes) == ("anna", "phone", ["read", "write"])
    assert out.splitlines()[-1] not in err
    assert "anna" in err


def test_without_days_it_lasts_until_it_is_revoked():
    factories.user("anna")
    run("anna", "--name", "phone", "--scope", "read")
    assert ApiToken.objects.get().expires_at is None


def test_an_unknown_user_is_told_which_there_are():
    factories.user("anna")
    factories.user("bert")
    with pytest.raises(CommandError, match=r"no user 'carl'. There are: anna, bert"):
        run("carl", "--name", "phone", "--scope", "read")


@pytest.mark.parametrize(
    ("more", "message"),
    [
        (["--scope", "everything"], "read, write, ingest, admin"),
        (["--scope", ","], "read, write, ingest, admin"),
        (["--scope", "read", "--days", "0"], "1 to"),
    ],
)
def test_what_makes_no_token_is_refused(more: list[str], message: str):
    factories.user("anna")
    with pytest.raises(CommandError, match=message):
        run("anna", "--name", "phone", *more)
    assert not ApiToken.objects.exists()
