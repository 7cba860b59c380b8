"""Dates in queries: words that mean one, words that only look like it, and the days they mean."""

from __future__ import annotations

from datetime import date, timedelta

import pytest
from hypothesis import given, strategies as st

from search.language import dates, parse, to_text

READ = """
photos from last summer = date:last-summer
pictures taken in June 2023 = date:2023-06
dog on 12 June 2023 = dog date:2023-06-12
dog June 12, 2023 = dog date:2023-06-12
dog 2023-06-12 = dog date:2023-06-12
beach in 2019 = beach date:2019
cats 2019-2021 = cats date:2019..2021
cats from 2019 to 2021 = cats date:2019..2021
cats between 2019 and 2021 = cats date:2019..2021
cats since 2020 = cats after:2020
cats after 2020 = cats after:2021
cats before 2020 = cats before:2020
cats in the last 30 days = cats date:last-30-days
fall 2020 = date:autumn-2020
winter 2022/23 = date:winter-2022-2023
yesterday = date:yesterday
beach not from 2020 = beach -date:2020
no photos from 2020 = -date:2020
Strand im Sommer 2023 = Strand date:summer-2023
Hund am 12. Juni 2023 = Hund date:2023-06-12
Katzen von 2019 bis 2021 = Katzen date:2019..2021
Katzen seit 2020 = Katzen after:2020
Katzen letzte Woche = Katzen date:last-week
die letzten 30 Tage = date:last-30-days
alle Fotos aus 2018 = date:2018
Herbst 2021 ohne Menschen = -Menschen date:autumn-2021
plage en été 2023 = plage date:summer-2023
chien le 12 juin 2023 = chien date:2023-06-12
chats entre 2019 et 2021 = chats date:2019..2021
chiens la semaine dernière = chiens date:last-week
chien de l'année dernière = chien date:last-year
plage d'hier = plage date:yesterday
playa verano 2023 = playa date:summer-2023
playa en verano de 2023 sin gente = playa -gente date:summer-2023
perro 12 de junio de 2023 = perro date:2023-06-12
gatos entre 2019 y 2021 = gatos date:2019..2021
perro el año pasado = perro date:last-year
2023年夏天的海滩 = 海滩 date:summer-2023
2023年6月12日的狗 = 狗 date:2023-06-12
2019年到2021年的猫 = 猫 date:2019..2021
2020年以来的猫 = 猫 after:2020
2020年之前的猫 = 猫 before:2020
去年的照片 = date:last-year
去年夏天的海滩 = 海滩 date:last-summer
上周的狗 = 狗 date:last-week
不要2020年的狗 = 狗 -date:2020
date:"last week" dog = dog date:last-week
date:"June 2023" = date:2023-06
after:"summer 2023" = after:summer-2023
since:2020 = after:2020
date:2023/6/1 = date:2023-06-01
date:2019,2021 = date:2019,2021
"""

LEFT = """
1984
summer
the fall
may
new year 2023 banner
beach in 2019 at night
in 2000 pieces
USA Today
The Beatles Yesterday
last week's party
march for women 2023
IMG_2023-06-12
dog summer of 69
hier ist ein Hund
12 June
"""

SEASONS = ["autumn", "spring", "summer", "winter"]
TODAY = date(2026, 11, 21)  # a Saturday


@pytest.mark.parametrize("line", READ.strip().splitlines())
def test_words_for_dates_are_understood(line):
    typed, _, meant = line.partition(" = ")
    assert to_text(parse(typed)) == meant
    assert parse(meant) == parse(typed)


@pytest.mark.parametrize("typed", LEFT.strip().splitlines())
def test_what_may_mean_something_else_stays_text(typed):
    assert parse(typed).filters == ()
    assert to_text(parse(typed)) == typed


def spans(value: str) -> list[tuple[str, str]]:
    found = dates.spans(value, today=TODAY)
    return [(str(span.start or ""), str(span.end or "")) for span in found]


@pytest.mark.parametrize(
    ("value", "start", "end"),
    [
        ("2023", "2023-01-01", "2024-01-01"),
        ("2023-12", "2023-12-01", "2024-01-01"),
        ("2024-02-29", "2024-02-29", "2024-03-01"),
        ("2019..2021", "2019-01-01", "2022-01-01"),
        ("2019-06..", "2019-06-01", ""),
        ("..2021", "", "2022-01-01"),
        ("summer-2023", "2023-06-01", "2023-09-01"),
        ("winter-2022-2023", "2022-12-01", "2023-03-01"),
        ("summer-2019..autumn-2020", "2019-06-01", "2020-12-01"),
        ("today", "2026-11-21", "2026-11-22"),
        ("yesterday", "2026-11-20", "2026-11-21"),
        ("this-week", "2026-11-16", "2026-11-23"),
        ("last-week", "2026-11-09", "2026-11-16"),
        ("last-weekend", "2026-11-14", "2026-11-16"),
        ("this-month", "2026-11-01", "2026-12-01"),
        ("last-month", "2026-10-01", "2026-11-01"),
        ("this-year", "2026-01-01", "2027-01-01"),
        ("last-year", "2025-01-01", "2026-01-01"),
        ("last-7-days", "2026-11-14", "2026-11-22"),
        ("last-summer", "2026-06-01", "2026-09-01"),
        ("last-winter", "2025-12-01", "2026-03-01"),
        ("this-autumn", "2026-09-01", "2026-12-01"),
        ("last-month..today", "2026-10-01", "2026-11-22"),
    ],
)
def test_dates_mean_these_days(value, start, end):
    assert dates.canonical(value) == value
    assert spans(value) == [(start, end)]


def test_a_winter_of_one_year_is_both_that_have_days_in_it():
    assert spans("winter-2023") == [("2022-12-01", "2023-03-01"), ("2023-12-01", "2024-03-01")]


@pytest.mark.parametrize(
    "value",
    ["2023-13", "2023-02-30", "0000", "9999", "..", "2021..2019", "last-0-days", "last-999-years",
     "summer", "soon", "winter-2023-2025", "summer-2023-2024", "2019...2021", ""],
)  # fmt: skip
def test_what_is_no_date_is_none(value):
    assert dates.canonical(value) is None


POINTS = st.one_of(
    st.dates(date(1800, 1, 1), date(2199, 12, 31)).map(str),
    st.integers(1800, 2199).map(str),
    st.sampled_from(["today", "last-week", "this-month", "last-spring", "last-30-days"]),
    st.builds(
        "{}-{}".format,
        st.sampled_from(SEASONS),
        st.integers(1800, 2199),
    ),
)


@given(POINTS, st.one_of(st.none(), st.just(""), POINTS), st.dates(date(1970, 1, 1)))
def test_every_canonical_date_has_days(first, last, today):
    today = min(today, date(2300, 1, 1))
    value = dates.canonical(first if last is None else f"{first}..{last}")
    if value is None:
        assert last
        return
    assert dates.canonical(value) == value
    for span in dates.spans(value, today=today):
        fixed = span.start and span.end and (last is None)
        assert not fixed or timedelta(0) < span.end - span.start <= timedelta(366 * 200)
