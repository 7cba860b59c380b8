"""What a gallery with an https:// PUBLIC_URL says and refuses."""

from __future__ import annotations

import pytest
from django.test import Client

from gallery import albums, host_cookies
from gallery.response_headers import of_server
from gallery.sharing import links, shared_sets
from gallery.sign_in_limits import COOKIE
from tests.web.test_accounts import OLD

YEAR = 365 * 24 * 60 * 60


@pytest.fixture
def _redirects(settings):
    settings.SECURE_SSL_REDIRECT, settings.SECURE_SSL_HOST = True, "photos.example.org"


@pytest.mark.django_db
@pytest.mark.usefixtures("_redirects")
@pytest.mark.parametrize("path", ["/api/v1/photos", "/api/v1/nowhere", "/api/v1/docs"])
@pytest.mark.parametrize("method", ["GET", "POST", "PUT"])
def test_the_api_is_refused_over_plain_http_and_never_redirected(ada_client, path, method):
    answer = ada_client.generic(method, path)
    assert answer.status_code == 403
    assert answer.json()["code"] == "https_required"
    assert "Location" not in answer.headers


@pytest.mark.django_db
@pytest.mark.usefixtures("_redirects")
def test_pages_are_redirected_and_the_api_answers_over_https(ada_client):
    page = ada_client.get("/albums")
    assert (page.status_code, page.headers["Location"]) == (
        301,
        "https://photos.example.org/albums",
    )
    assert ada_client.get("/api/v1/photos", secure=True).status_code == 200


@pytest.mark.django_db
def test_without_ssl_redirect_plain_http_is_answered(ada_client):
    assert ada_client.get("/api/v1/photos").status_code == 200


@pytest.mark.django_db
@pytest.mark.parametrize("whole", [True, False])
def test_browsers_are_told_to_use_https_also_below_the_host_if_wanted(settings, whole):
    settings.SECURE_HSTS_SECONDS, settings.SECURE_HSTS_INCLUDE_SUBDOMAINS = YEAR, whole
    wanted = f"max-age={YEAR}" + ("; includeSubDomains" if whole else "")
    for path in ("/sign-in", "/api/v1/photos", "/static/nothing.css"):
        answer = Client().get(path, secure=True)
        assert answer.headers["Strict-Transport-Security"] == wanted
    assert dict(of_server())["Strict-Transport-Security"] == wanted


@pytest.mark.django_db
@pytest.mark.parametrize("https", [True, False])
def test_every_cookie_over_https_is_of_this_host_alone(ada, model, settings, https):
    """Those of the session and of forms are named by the settings, see test_verification."""
    settings.SESSION_COOKIE_SECURE = settings.CSRF_COOKIE_SECURE = https
    client = Client()
    client.post("/sign-in", {"username": "ada", "password": OLD}, secure=https)
    shared = shared_sets.find_or_make(shared_sets.Thing.of_album(albums.create(ada, "Trip")))
    link, secret = links.make(shared, links.Terms(password="open sesame"))
    client.post(f"/s/{secret}/unlock", {"password": "open sesame"}, secure=https)
    others = {"scry_session", "scry_csrf"}
    mine = {name: client.cookies[name] for name in client.cookies if name not in others}
    assert set(mine) == {host_cookies.name_of(COOKIE), host_cookies.name_of(f"link-{link.pk.hex}")}
    for name, cookie in mine.items():
        assert name.startswith("__Host-") is https
        assert bool(cookie["secure"]) is https
        assert cookie["path"] == "/" if https else len(cookie["path"]) > 1
        assert (cookie["httponly"], cookie["samesite"], cookie["domain"]) == (True, "Lax", "")
    assert client.get(f"/s/{secret}", secure=https).status_code == 200, "the password was kept"
