from __future__ import annotations

import re
from datetime import timedelta

import pytest
from django.contrib.auth.models import Group, User
from django.contrib.sessions.models import Session
from django.utils import timezone
from websockets.exceptions import InvalidStatus

from cameras.models import CameraGrant
from events.stream.access import Credentials
from hsi.models import ApiToken
from hsi.security import authentication
from hsi.security.rate_limit import PEOPLE, Credential
from tests.events.stream.streaming import end_of, frame, publish, ready, say, session_of, token_of

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.made_up_messages]


def test_without_a_login_the_socket_is_closed_with_4401(server, admin):
    with server.client() as client:
        code, reason = end_of(client)
    assert code == 4401
    assert "Sign in" in reason


def test_before_the_first_user_the_socket_is_closed_with_4401(server, monkeypatch):
    monkeypatch.setattr(authentication, "_set_up", False)
    with server.client(token="hsi_x") as client:
        code, reason = end_of(client)
    assert code == 4401
    assert "not set up" in reason


def test_a_session_cookie_lets_in(server, admin):
    with server.client(cookie=session_of(admin), origin=f"http://{server.host}") as client:
        ready(client)


@pytest.mark.parametrize("headers", ["Authorization", "X-API-Key"])
def test_a_token_in_a_header_lets_in(server, admin, headers):
    text = token_of(admin)
    with server.client(headers={headers: f"Bearer {text}" if headers == "Authorization" else text}) as client:
        ready(client)


def test_a_token_as_subprotocol_lets_in_and_is_chosen(server, admin):
    protocol = f"hsi.token.{token_of(admin)}"
    with server.client(subprotocols=["json", protocol]) as client:
        assert client.subprotocol == protocol
        ready(client)


@pytest.mark.parametrize("field", ["token", "access_token", "api_key"])
def test_a_token_in_the_url_is_refused_even_when_it_is_good(server, admin, field):
    text = token_of(admin)
    with server.client(f"?{field}={text}", token=text) as client:
        code, reason = end_of(client)
    assert code == 4401
    assert "URL" in reason


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"revoked_at": timezone.now()}, 4401),
        ({"expires_at": timezone.now() - timedelta(seconds=1)}, 4401),
        ({"scopes": ["write", "ingest"]}, 4403),
        ({"digest": "another"}, 4401),
    ],
)
def test_a_token_that_may_not_read_is_refused(server, admin, change, code):
    text = token_of(admin)
    ApiToken.objects.update(**change)
    with server.client(token=text) as client:
        assert end_of(client)[0] == code


def test_a_wrong_token_is_not_saved_by_a_good_session(server, admin):
    with server.client(token="hsi_wrong", cookie=session_of(admin)) as client:
        assert end_of(client)[0] == 4401


@pytest.mark.parametrize("origin", ["http://evil.example", "null", "http://127.0.0.1:1", "http://[", "file://"])
def test_a_foreign_page_is_refused_before_anything_is_said(server, admin, origin):
    with pytest.raises(InvalidStatus) as refused, server.client(cookie=session_of(admin), origin=origin):
        pass
    assert refused.value.response.status_code == 403


@pytest.mark.parametrize("origin", ["https://cams.example", "https://a.home.example"])
def test_a_trusted_origin_may_come(server, admin, settings, origin):
    settings.CSRF_TRUSTED_ORIGINS = ["https://cams.example", "https://*.home.example"]
    with server.client(cookie=session_of(admin), origin=origin) as client:
        ready(client)


def test_a_trusted_origin_counts_with_its_scheme(server, admin, settings):
    settings.CSRF_TRUSTED_ORIGINS = ["https://cams.example"]
    with pytest.raises(InvalidStatus), server.client(cookie=session_of(admin), origin="http://cams.example"):
        pass


def test_a_host_that_is_not_ours_is_refused(server, admin, settings):
    """A foreign name that resolves to this machine must not get in as its own origin."""
    settings.ALLOWED_HOSTS = ["cams.example"]
    with pytest.raises(InvalidStatus), server.client(token=token_of(admin), origin=f"http://{server.host}"):
        pass


def test_another_path_is_refused(server, admin):
    with pytest.raises(InvalidStatus), server.client(token=token_of(admin), path="/ws/other"):
        pass


def test_a_viewer_hears_of_granted_cameras_only(server, viewer):
    """A message that names no camera is about all of them."""
    publish("back", "front", "", "back")
    with server.client("?after=0", token=token_of(viewer)) as client:
        ready(client)
        assert frame(client)["seq"] == 2
        publish("back", "front")
        assert frame(client)["seq"] == 6


def test_asking_for_a_camera_by_name_gives_no_right_to_it(server, viewer):
    publish("back", "front")
    with server.client(token=token_of(viewer)) as client:
        ready(client)
        say(client, "subscribe", cameras=["back", "front"], types=["*"], after=0)
        assert frame(client)["type"] == "subscribed"
        assert frame(client)["seq"] == 2


def test_a_grant_of_the_group_counts(server, viewer):
    group = Group.objects.create(name="family")
    viewer.groups.add(group)
    CameraGrant.objects.create(camera_id="back", group=group)
    with server.client(token=token_of(viewer)) as client:
        ready(client)
        publish("back")
        assert frame(client)["seq"] == 1


def test_a_revoked_grant_ends_delivery_and_a_new_one_begins_it(server, viewer):
    with server.client(token=token_of(viewer)) as client:
        ready(client)
        publish("front", "back")
        assert frame(client)["camera"] == "front"
        CameraGrant.objects.update(camera_id="back")
        server.check()
        publish("front", "back")
        assert frame(client)["camera"] == "back"


def revoke_token(user: User) -> None:
    ApiToken.objects.filter(user=user).update(revoked_at=timezone.now())


def deactivate(user: User) -> None:
    User.objects.filter(pk=user.pk).update(is_active=False)


def narrow_token(user: User) -> None:
    ApiToken.objects.filter(user=user).update(scopes=["write"])


@pytest.mark.parametrize(("change", "code"), [(revoke_token, 4401), (deactivate, 4401), (narrow_token, 4403)])
def test_a_token_that_loses_its_right_ends_its_connection(server, viewer, admin, change, code):
    with server.client(token=token_of(viewer)) as client, server.client(token=token_of(admin)) as other:
        ready(client), ready(other)
        change(viewer)
        server.check()
        assert end_of(client)[0] == code
        publish("back")
        assert frame(other)["seq"] == 1


def sign_out(user: User) -> None:
    Session.objects.all().delete()


def change_password(user: User) -> None:
    user.set_password("something else entirely")
    user.save()


@pytest.mark.parametrize("change", [sign_out, change_password, deactivate])
def test_a_session_that_ended_ends_its_connection(server, viewer, change):
    with server.client(cookie=session_of(viewer)) as client:
        ready(client)
        change(viewer)
        server.check()
        assert end_of(client)[0] == 4401


@pytest.fixture
def _limited(settings):
    settings.RATE_LIMIT_ENABLED, settings.RATE_LIMIT_BURST = True, 0
    settings.RATE_LIMIT_WEBSOCKET_CONNECTIONS_PER_MINUTE, settings.RATE_LIMIT_WRONG_TOKENS_PER_MINUTE = 3, 2


@pytest.mark.usefixtures("_limited")
def test_a_token_that_connects_too_often_is_told_when_to_come_again_and_others_are_not(server, admin):
    token, other = token_of(admin), token_of(admin)
    for _ in range(3):
        with server.client(token=token) as client:
            ready(client)
    with server.client(token=token) as client:
        code, reason = end_of(client)
    assert code == 4429
    assert re.fullmatch(r"Too many new connections\. Try again in \d+ s\.", reason)
    with server.client(token=other) as client:
        ready(client)


@pytest.mark.usefixtures("_limited")
def test_the_pages_of_a_person_may_connect_more_often(server, admin):
    cookie = session_of(admin)
    for _ in range(3 * PEOPLE):
        with server.client(cookie=cookie, origin=f"http://{server.host}") as client:
            ready(client)
    with server.client(cookie=cookie, origin=f"http://{server.host}") as client:
        assert end_of(client)[0] == 4429


@pytest.mark.usefixtures("_limited")
def test_whoever_guesses_tokens_is_not_listened_to_any_more(server, admin):
    for guess in range(3):
        with server.client(token=f"hsi_{guess}") as client:
            assert end_of(client)[0] == 4401
    with server.client(token=token_of(admin)) as client:
        code, reason = end_of(client)
    assert code == 4429
    assert reason.startswith("Too many invalid tokens.")


@pytest.mark.usefixtures("_limited")
def test_behind_a_trusted_proxy_each_address_is_counted_for_itself(server, admin, settings):
    settings.TRUSTED_PROXY_IPS = ["127.0.0.1"]
    codes = []
    for address in ("192.0.2.1",) * 4 + ("192.0.2.77, 198.51.100.2",):
        with server.client(headers={"X-Forwarded-For": address}) as client:
            codes.append(end_of(client)[0])
    assert codes == [4401, 4401, 4401, 4429, 4401]


def test_credentials_do_not_show_in_a_log():
    assert "secret" not in repr(Credentials(Credential("secret"), Credential("secret")))
