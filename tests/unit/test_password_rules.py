"""Passwords that are refused: words of this gallery, and those that leaked elsewhere."""

from __future__ import annotations

import hashlib

import pytest
from django.contrib.auth.password_validation import validate_password
from django.core.exceptions import ImproperlyConfigured, ValidationError

from gallery import env
from gallery.password_rules import CONTEXT_WORDS, ContextWords, LeakedPasswords

LEAKED = [f"leaked {number}" for number in range(500)]


def digest(password: str) -> str:
    return hashlib.sha1(password.encode(), usedforsecurity=False).hexdigest().upper()


@pytest.fixture(params=["{}:17", "{}", "{}:3\r"])
def leaked(request, tmp_path, settings):
    """A file as downloaders write it, with counts, without them, and with ends of Windows."""
    path = tmp_path / "leaked.txt"
    lines = sorted(request.param.format(digest(password)) for password in LEAKED)
    path.write_text("\n".join(lines) + "\n", newline="")
    settings.LEAKED_HASHES = path
    return path


@pytest.mark.parametrize(
    "password",
    ["scry2026", "Scry!Scry!", "photogallery1", "MyPhotos2024", "ScryPhotos", "ph0t0s-scry",
     "4dmin-scry", "photos.example", "lovelace2026", "Lovel4ce!!!"],
)  # fmt: skip
def test_words_about_the_gallery_make_no_password(settings, password):
    settings.PUBLIC_URL = "https://photos.lovelace.example"
    if "example" in password:
        password = "photos.lovelace"
    with pytest.raises(ValidationError, match="words about this gallery"):
        ContextWords().validate(password)


@pytest.mark.parametrize(
    "password",
    ["correct horse battery", "scry under the elderberry", "photographers eat cake", "12345678",
     "größte 蝶 am fenster"],
)  # fmt: skip
def test_other_words_beside_them_do(settings, password):
    settings.PUBLIC_URL = "https://photos.lovelace.example"
    ContextWords().validate(password)


def test_each_word_of_the_list_is_refused():
    for word in CONTEXT_WORDS:
        with pytest.raises(ValidationError):
            ContextWords().validate(f"{word}2026")


def test_each_leaked_password_is_found_and_no_other(leaked):
    for password in LEAKED:
        with pytest.raises(ValidationError, match="leaked elsewhere"):
            LeakedPasswords().validate(password)
    for number in range(500):
        LeakedPasswords().validate(f"not leaked {number}")


def test_one_line_is_enough(tmp_path, settings):
    settings.LEAKED_HASHES = tmp_path / "one"
    settings.LEAKED_HASHES.write_text(digest("one"))
    LeakedPasswords().validate("two")
    with pytest.raises(ValidationError):
        LeakedPasswords().validate("one")


def test_without_a_file_nothing_is_looked_for(settings):
    settings.LEAKED_HASHES = None
    LeakedPasswords().validate("leaked 1")


def test_new_passwords_go_through_both(leaked):
    for password in ("leaked 1", "scry2026"):
        with pytest.raises(ValidationError):
            validate_password(password)


@pytest.mark.parametrize("content", [None, "", "password\n", "5BAA61E4:10\n"])
def test_a_file_that_is_none_stops_the_start(tmp_path, monkeypatch, content):
    path = tmp_path / "file"
    if content is not None:
        path.write_text(content)
    monkeypatch.setenv("LEAKED_HASHES", str(path))
    with pytest.raises(ImproperlyConfigured, match="LEAKED_HASHES"):
        env.sorted_digests("LEAKED_HASHES")
