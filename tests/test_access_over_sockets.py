"""The access matrix over real sockets, by both web servers, with headers that servers and frameworks honour.

`python -m pytest tests/test_access_over_sockets.py -s` prints the matrix.
"""

from __future__ import annotations

import itertools
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from hsi.security.tokens import SCOPES
from tests import factories
from tests.access import PEOPLE, SECRETS, Case, Person, World, build, cases
from tests.access_admin import admin_cases
from tests.browser.site import SERVERS, Site, site
from tests.test_access_matrix import table

pytestmark = [pytest.mark.slow, pytest.mark.one_engine, pytest.mark.django_db(transaction=True)]

PATIENCE_SECONDS = 30.0
# Where a mount point would lead the gate, the limits or the error pages astray.
MOUNTS = ("/static", "/api", "/health", "/health/live", "/login", "/admin", "/metrics")
MOUNT_HEADERS = (
    "Daphne-Root-Path", "Script-Name", "SCRIPT_NAME", "X-Script-Name", "X-Forwarded-Prefix", "X-Root-Path",
)  # fmt: skip
OTHERS = {
    "X-Forwarded-Host": "evil.example", "X-Host": "evil.example",
    "Forwarded": "for=127.0.0.1;host=evil.example;proto=https",
    "X-Forwarded-For": "127.0.0.1", "X-Real-IP": "127.0.0.1", "X-Forwarded-Proto": "https", "X-Forwarded-Port": "1",
    "X-Original-URL": "/health/live", "X-Rewrite-URL": "/static/events/home.js", "X-HTTP-Method-Override": "DELETE",
    "X-Method-Override": "DELETE", "Remote-User": "admin", "X-Remote-User": "admin", "X-Forwarded-User": "admin",
    "X-Auth-Request-User": "admin", "Front-End-Https": "on", "X-Forwarded-Scheme": "https",
}  # fmt: skip


def hostile_headers() -> Iterator[dict[str, str]]:
    """One header after the other, with each mount point, then all together; again and again."""
    single = [{name: mount} for name, mount in itertools.product(MOUNT_HEADERS, MOUNTS)]
    single += [{name: value} for name, value in OTHERS.items()]
    together = [{**dict.fromkeys(MOUNT_HEADERS, mount), **OTHERS} for mount in MOUNTS]
    return itertools.cycle([*together, *single])


@pytest.mark.parametrize("server", SERVERS)
def test_headers_of_proxies_change_nothing_for_anybody(server: str, data_dir: Path, webhooks_to_here: None):
    world = build()
    limits = {"RATE_LIMIT_ENABLED": "false", "API_WORKERS": "1"}
    with site(data_dir, server, **limits) as running:
        everyone_gets_the_answer_that_is_theirs(running, world)
        a_path_below_a_made_up_mount_point_is_none_of_ours(running, world)
        a_page_knows_no_token_and_takes_no_host_from_a_header(running, world)


def credentials(person: Person) -> dict[str, str]:
    return {"Cookie": f"sessionid={person.session}"} if person.session else {}


def leaks(answer: httpx.Response) -> list[str]:
    return [secret for secret in SECRETS if secret.encode() in answer.content]


def everyone_gets_the_answer_that_is_theirs(running: Site, world: World) -> None:
    headers, wrong = hostile_headers(), {}
    outcomes: dict[tuple[str, str], dict[str, int]] = defaultdict(dict)
    with httpx.Client(base_url=running.url, timeout=PATIENCE_SECONDS) as client:
        for case, who in asked(world):
            sent = next(headers)
            answer = client.get(case.path, headers={**sent, **credentials(world.people[who])})
            outcomes[case.method, case.name][who] = answer.status_code
            told = leaks(answer) if who in case.shut_to else []
            if answer.status_code not in case.allowed[who] or told:
                wrong[case.name, who, *sent] = (answer.status_code, sorted(case.allowed[who]), told)
    print(f"\n{running.server}\n{table(outcomes)}")  # noqa: T201 (asked for with -s)
    assert wrong == {}


def asked(world: World) -> Iterator[tuple[Case, str]]:
    """Everyone everywhere outside the admin; there who is asked where time is short."""
    for case in cases(world):
        yield from ((case, who) for who in PEOPLE)
    for case in admin_cases():
        if case.method == "get":
            yield from ((case, who) for who in case.asked)


def a_path_below_a_made_up_mount_point_is_none_of_ours(running: Site, world: World) -> None:
    """What daphne or gunicorn would strip if they believed the header is never answered with a page or data."""
    admin = world.people["admin"]
    read_only = {scope: factories.token(factories.admin(), scope) for scope in SCOPES if scope != "admin"}
    senders = {"stranger": {}, "admin": {"X-API-Key": admin.token}}
    senders |= {scope: {"X-API-Key": token} for scope, token in read_only.items()}
    paths = ("/", "/admin/", "/admin/auth/user/", "/api/cameras", "/account", "/metrics", "/login")
    wrong = {}
    with httpx.Client(base_url=running.url, timeout=PATIENCE_SECONDS) as client:
        for (who, sender), mount, path in itertools.product(senders.items(), MOUNTS, paths):
            for method in ("GET", "POST"):
                headers = {**dict.fromkeys(MOUNT_HEADERS, mount), **sender}
                answer = client.request(method, mount + path, headers=headers)
                if answer.status_code < 300 or answer.status_code >= 500:
                    wrong[who, method, mount + path] = answer.status_code
    assert wrong == {}


def a_page_knows_no_token_and_takes_no_host_from_a_header(running: Site, world: World) -> None:
    token = world.people["admin"].token
    with httpx.Client(base_url=running.url, timeout=PATIENCE_SECONDS) as client:
        for sent in itertools.islice(hostile_headers(), 60):
            for name, value in (("X-API-Key", token), ("Authorization", f"Bearer {token}")):
                page = client.get("/admin/", headers={**sent, name: value})
                assert page.status_code == 403
            away = client.get("/account", headers=sent)
            assert away.headers["Location"] == "/login?next=%2Faccount"
            assert "evil.example" not in away.text
