"""Words that were read as a date, turned back in a real browser; and names that come first."""

from __future__ import annotations

from tests.e2e.conftest import Browser


def bar(owner: Browser) -> str:
    return owner.run("return document.getElementById('q').value")


def test_one_click_turns_a_date_back_into_words(owner, uploaded):
    uploaded("sunny", "red", "blue")
    owner.open("/search?q=sunny+in+June+1987")
    assert "was read as a date" in owner.one(".empty").text
    owner.click(".asked .chip-words")
    owner.until(lambda: bar(owner) == '"sunny in June 1987"')
    assert not owner.all(".asked .chip-words")
    owner.driver.back()
    owner.until(lambda: bar(owner) == "sunny in June 1987")
    owner.click(".empty .button.primary")
    owner.until(lambda: bar(owner) == '"sunny in June 1987"')


def test_a_name_comes_first_whatever_is_in_it(owner, uploaded):
    (name, _) = uploaded("me without glasses", "red", "blue")
    owner.open("/")
    owner.run("document.getElementById('q').value = arguments[0]", name.upper())
    owner.run("document.querySelector('.search-form').requestSubmit()")
    owner.until(lambda: name in owner.names())
    assert owner.names()[0] == name
    assert not owner.all(".asked .chip.excluded")
