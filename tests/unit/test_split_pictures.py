"""Pictures are taken out of a typed query, and everything else stays as it was typed."""

from __future__ import annotations

import pytest

from search import language
from search.language import QueryError, Term

ID = "0198c0de-0000-7000-8000-000000000001"
OTHER = "0198c0de-0000-7000-8000-000000000002"


@pytest.mark.parametrize(
    ("typed", "words", "terms"),
    [
        ("", "", []),
        ("a  dog", "a  dog", []),
        (f"photo:{ID}", "", [f"photo:{ID}"]),
        (f"street photo:{ID} without cars", "street without cars", [f"photo:{ID}"]),
        (f"-photo:{ID} 2:picture:{OTHER} -snow", "-snow", [f"-photo:{ID}", f"2:picture:{OTHER}"]),
        (f"PHOTO:{ID.upper()} x", "x", [f"photo:{ID}"]),
        ("photo:1 picture: dog", "photo:1 picture: dog", []),
        (f'"photo:{ID}" dog', f'"photo:{ID}" dog', []),
        (f'"a  b" photo:{ID} c', '"a  b" c', [f"photo:{ID}"]),
    ],
)
def test_pictures_are_told_from_words(typed, words, terms):
    text, found = language.split_pictures(typed)
    assert text == words
    assert [language.term_to_text(term) for term in found] == terms


def test_a_part_keeps_its_box():
    _words, (term,) = language.split_pictures(f"photo:{ID}@0.1,0.2,0.5,0.5")
    assert term == Term("part", f"{ID}@0.1,0.2,0.5,0.5")


def test_what_is_no_text_is_refused():
    with pytest.raises(QueryError):
        language.split_pictures("\x00")


def test_both_together_are_the_same_query():
    typed = f"a street without cars photo:{ID} summer 2020 -picture:{OTHER}"
    words, terms = language.split_pictures(typed)
    again = " ".join([words, *map(language.term_to_text, terms)])
    assert language.parse(again) == language.parse(typed)
