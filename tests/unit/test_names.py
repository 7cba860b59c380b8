"""Names keep everything that people see, and nothing that deceives them."""

from __future__ import annotations

import unicodedata

import pytest
from hypothesis import given, strategies as st

from gallery.names import BadName, clean_caption, clean_file_name, clean_name, clean_tag

# Emoji that need more than one character, letters with selectors, and scripts with joiners.
WHOLE = [
    "👨‍👩‍👧‍👦", "🏳️‍🌈", "❤️", "1️⃣", "👩🏽‍🚀", "🇩🇪", "🏴󠁧󠁢󠁥󠁮󠁧󠁿", "🏴󠁧󠁢󠁷󠁬󠁳󠁿", "می‌خواهم", "क्‍ष", "葛\U000e0100", "ᠠ᠋",
    "\uf8ff",  # for private use: the logo of a maker of computers
]  # fmt: skip
# Blocks in which Unicode reserves room for emoji (emoji-data.txt, Extended_Pictographic).
PICTOGRAPHS = st.characters(min_codepoint=0x1F300, max_codepoint=0x1FAFF)
DECEPTIVE = [*map(chr, range(0x202A, 0x202F)), *map(chr, range(0x2066, 0x206A)), "\u200e", "\u200f",
             "\u061c", "\ufeff", "\u200b", "\u2028", "\x07", "\u2065", "\U000e0041", "\ufffe",
             "\U0010ffff", "\ufdd0"]  # fmt: skip


@given(st.lists(st.sampled_from(WHOLE) | PICTOGRAPHS, min_size=1, max_size=8))
def test_every_emoji_stays_whatever_python_knows_of_it(signs):
    name = unicodedata.normalize("NFC", "".join(signs))
    assert clean_file_name(f"{name}.jpg") == f"{name}.jpg"
    assert clean_name(name) == clean_tag(name) == clean_caption(name) == name


@given(st.text(max_size=20), st.sampled_from(DECEPTIVE), st.text(max_size=20))
def test_what_deceives_goes_and_nothing_comes_back(before, sign, after):
    name = clean_file_name(before + sign + after)
    assert sign not in name
    assert clean_file_name(name) == name, "a clean name stays as it is"
    assert sign not in clean_caption(before + sign + after)


@pytest.mark.parametrize("sign", DECEPTIVE)
def test_a_name_that_deceives_is_refused(sign):
    with pytest.raises(BadName):
        clean_name(f"sum{sign}mer")


@pytest.mark.parametrize(
    "hidden", ["a\U000e0062\U000e007f", "\U0001f3f4\U000e0062", "👍\U000e0062"]
)
def test_hidden_letters_stay_only_in_flags(hidden):
    assert clean_file_name(hidden) == hidden[0]


@pytest.mark.parametrize("nothing", ["\u200d", "\u200c\u200d", " \u200d ", ""])
def test_joiners_alone_are_no_name(nothing):
    assert clean_file_name(nothing) == ""
    with pytest.raises(BadName):
        clean_name(nothing)
