"""Signing in by a provider and with passkeys, in a real browser."""

from __future__ import annotations

import pytest
from selenium.webdriver.common.virtual_authenticator import VirtualAuthenticatorOptions

from tests.e2e.browser import PASSWORD
from tests.e2e.conftest import first_run, start_migrated, stop
from tests.openid_provider import CLIENT, SECRET, openid_provider

NAMED = "http://localhost:{port}"


@pytest.fixture
def provider():
    with openid_provider() as running:
        yield running


@pytest.fixture
def gallery(tmp_path, provider):
    """A gallery with a name, which passkeys need, and with a provider."""
    process, running = start_migrated(
        tmp_path / "gallery",
        PUBLIC_URL=NAMED,
        OIDC_ISSUER=provider.issuer,
        OIDC_CLIENT_ID=CLIENT,
        OIDC_CLIENT_SECRET=SECRET,
        OIDC_NAME="Keys",
    )
    yield running
    stop(process)


def sign_out(browser) -> None:
    browser.click(".menu summary")
    browser.follow("form[action='/sign-out'] button")
    assert browser.path() == "/sign-in"


def open_gallery(browser, gallery) -> None:
    browser.url = gallery.environment["PUBLIC_URL"]
    browser.allowed.append("401 (Unauthorized)")
    gallery.welcome = browser.url + "/welcome#" + gallery.welcome.partition("#")[2]
    first_run(browser, gallery)


def test_a_passkey_is_added_and_signs_in_alone_and_after_the_password(browser, gallery):
    open_gallery(browser, gallery)
    options = VirtualAuthenticatorOptions(
        protocol="ctap2",
        transport="internal",
        has_resident_key=True,
        has_user_verification=True,
        is_user_verified=True,
    )
    browser.driver.add_virtual_authenticator(options)
    browser.open("/account")
    browser.fill("#passkeys [name=password]", "wrong")
    browser.click("#passkeys [data-passkey-button]")
    browser.says("#passkeys .field-error", "not your password")
    browser.allowed.append("400 (Bad Request)")
    browser.fill("#passkeys [name=password]", PASSWORD)
    browser.fill("#passkeys [name=name]", "my phone")
    browser.click("#passkeys [data-passkey-button]")
    browser.becomes(lambda: len(browser.all(".recovery-codes li")), 10, "recovery codes")
    browser.open("/account")
    browser.says("#passkeys li", "my phone")
    browser.fill("#passkeys [name=password]", PASSWORD)
    browser.click("#passkeys [data-passkey-button]")
    browser.says("#passkeys .field-error", "has a passkey")

    sign_out(browser)
    browser.click("[data-passkey=get] button")
    browser.one(".topbar")
    browser.open("/account")
    browser.says("#passkeys li", "last used")

    sign_out(browser)
    browser.fill("[name=username]", "ada")
    browser.fill("[name=password]", PASSWORD)
    browser.follow("form button.primary")
    assert browser.path() == "/sign-in/code"
    browser.click("[data-passkey=get] button")
    browser.one(".topbar")

    browser.driver.remove_all_credentials()
    sign_out(browser)
    browser.click("[data-passkey=get] button")
    browser.says("[data-passkey] .field-error", "No passkey was used")
    browser.fill("[name=username]", "ada")
    browser.fill("[name=password]", PASSWORD)
    browser.follow("form button.primary")
    assert browser.path() == "/sign-in/code"
    browser.open("/account")
    assert browser.path().startswith("/sign-in"), "the password is not enough"


def test_an_account_is_linked_with_the_provider_and_signs_in_by_it(browser, gallery, provider):
    open_gallery(browser, gallery)
    browser.open("/account")
    browser.fill("#openid [name=password]", PASSWORD)
    browser.follow("#openid button")
    browser.says("main", "From now on you can sign in by Keys")
    sign_out(browser)
    browser.follow("form[action='/sign-in/openid'] button")
    browser.one(".topbar")
    assert browser.path() == "/"
    browser.open("/account")
    browser.says("#openid", "eve")
    browser.fill("#openid [name=password]", PASSWORD)
    browser.follow("#openid button")
    browser.says("#openid", "Not linked")
