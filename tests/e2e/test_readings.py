"""Words that were read as a date, turned back in a real browser; and names that come first."""

from __future__ import annotations

from tests.e2e.browser import Browser


def bar(owner: Browser) -> str:
    return owner.run("return document.getElementById('q').value")


def test_one_click_turns_a_date_back_into_words(owner, uploaded):
    uploaded("sunny", "red", "blue")
    owner.open("/search?q=sunny+in+June+1987")
    owner.says(".empty", "was read as a date")
    owner.follow(".asked .chip-words")
    assert bar(owner) == '"sunny in June 1987"'
    assert not owner.all(".asked .chip-words")
    owner.driver.back()
    owner.until(lambda: bar(owner) == "sunny in June 1987")
    owner.follow(".empty .button.primary")
    assert bar(owner) == '"sunny in June 1987"'


def test_a_name_comes_first_whatever_is_in_it(owner, uploaded):
    (name, _) = uploaded("me without glasses", "red", "blue")
    owner.open("/")
    owner.run("document.getElementById('q').value = arguments[0]", name.upper())
    submit = "document.querySelector('.search-form').requestSubmit()"
    owner.reloaded(lambda: owner.run(submit))
    assert owner.names()[0] == name
    assert not owner.all(".asked .chip.excluded")
