"""Dates in queries: how they are written, which days they mean, and dates in plain words.

A date is a day, month or year (`2020-06-01`, `2020-06`, `2020`), a season (`summer-2023`), or
relative to today (`today`, `yesterday`, `last-week`, `this-month`, `last-summer`, `last-30-days`).
Seasons are meteorological; `winter-2023` means both winters that have days in 2023, and
`winter-2022-2023` that one winter. Weeks begin on Monday. `a..b` runs from the first day of a to
the last day of b, and either may be missing.

In the description, words for dates are read in English, German, French, Spanish and Chinese
("summer 2023", "letzte Woche"), but only where they can hardly mean anything else: a month or
season needs a year, and a year alone needs "in" or "from" before it and nothing after it.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, timedelta

from search.language.patterns import later

_SEASON_MONTHS = {"spring": 3, "summer": 6, "autumn": 9, "winter": 12}
"""The month in which each season begins in the northern hemisphere."""
FIRST_YEAR, LAST_YEAR = 1800, 2199

_DAY = re.compile(r"(\d{4})(?:[-/.](\d{1,2})(?:[-/.](\d{1,2}))?)?")
_SEASON = re.compile(r"(spring|summer|autumn|fall|winter)-(\d{4})(?:-(\d{4}))?")
_RELATIVE = re.compile(r"(this|last)-(week|month|year|weekend|spring|summer|autumn|winter)")
_BACK = re.compile(r"last-(\d{1,4})-(days|weeks|months|years)")
_FIXED = re.compile(r"\d|(spring|summer|autumn|winter)-\d")  # does not depend on today
_BACK_DAYS = {"days": 1, "weeks": 7, "months": 30.4375, "years": 365.25}


@dataclass(frozen=True)
class Span:
    """The days from `start` up to but not including `end`; None where it is open."""

    start: date | None
    end: date | None


def canonical(value: str) -> str | None:
    """Return a date or range in the form that queries keep; None if it is neither."""
    if ".." in value:
        first, _, last = value.partition("..")
        ends = [_canonical_point(end) if end else "" for end in (first, last)]
        if None in ends or not any(ends):
            return None
        return f"{ends[0]}..{ends[1]}" if _in_order(*ends) else None
    return _canonical_point(value)


def spans(value: str, *, today: date) -> tuple[Span, ...]:
    """Return the days that a canonical date or range means, as one or more spans."""
    if ".." in value:
        first, _, last = value.partition("..")
        start = spans(first, today=today)[0].start if first else None
        end = spans(last, today=today)[-1].end if last else None
        return (Span(start, end),)
    if match := _DAY.fullmatch(value):
        return (_calendar_span(*(int(part) for part in match.groups() if part)),)
    if match := _SEASON.fullmatch(value):
        return _season_spans(match[1], int(match[2]), match[3])
    if match := _BACK.fullmatch(value):
        days = round(int(match[1]) * _BACK_DAYS[match[2]])
        return (Span(today - timedelta(days), today + timedelta(1)),)
    return (_relative_span(value, today),)


def _canonical_point(value: str) -> str | None:
    value = value.lower()
    if match := _DAY.fullmatch(value):
        return _canonical_day(*(int(part) for part in match.groups() if part))
    if match := _SEASON.fullmatch(value):
        year, second = int(match[2]), match[3]
        fits = not second or (match[1] == "winter" and int(second) == year + 1)
        name = "autumn" if match[1] == "fall" else match[1]
        good = fits and _is_year(year)
        return f"{name}-{year}" + (f"-{int(second)}" if second else "") if good else None
    if match := _BACK.fullmatch(value):
        back = int(match[1])
        days = back * _BACK_DAYS[match[2]]
        return f"last-{back}-{match[2]}" if back > 0 and days < 365 * 200 else None
    relative = value in {"today", "yesterday"} or _RELATIVE.fullmatch(value)
    return value if relative else None


def _canonical_day(year: int, month: int | None = None, day: int | None = None) -> str | None:
    try:
        date(year, 1 if month is None else month, 1 if day is None else day)
    except ValueError:
        return None
    parts = [f"{year:04}", *(f"{part:02}" for part in (month, day) if part is not None)]
    return "-".join(parts) if _is_year(year) else None


def _in_order(first: str | None, last: str | None) -> bool:
    """Tell whether a range has any days; ranges that depend on today pass."""
    ends = [end for end in (first, last) if end and _FIXED.match(end)]
    if not first or not last or len(ends) < 2:
        return True
    start = spans(first, today=date(2000, 1, 1))[0].start
    end = spans(last, today=date(2000, 1, 1))[-1].end
    return start is None or end is None or start < end


def _is_year(year: int) -> bool:
    return FIRST_YEAR <= year <= LAST_YEAR


def _calendar_span(year: int, month: int | None = None, day: int | None = None) -> Span:
    start = date(year, month or 1, day or 1)
    if day:
        return Span(start, start + timedelta(1))
    return Span(start, _add_months(start, 1 if month else 12))


def _season_spans(name: str, year: int, second: str | None) -> tuple[Span, ...]:
    month = _SEASON_MONTHS[name]
    if month != 12:
        start = date(year, month, 1)
        return (Span(start, _add_months(start, 3)),)
    starts = [date(year, 12, 1)] if second else [date(year - 1, 12, 1), date(year, 12, 1)]
    return tuple(Span(start, _add_months(start, 3)) for start in starts)


def _relative_span(value: str, today: date) -> Span:
    if value in {"today", "yesterday"}:
        start = today - timedelta(1 if value == "yesterday" else 0)
        return Span(start, start + timedelta(1))
    which, _, unit = value.partition("-")
    back = 1 if which == "last" else 0
    if unit in {"week", "weekend"}:
        monday = today - timedelta(today.weekday() + 7 * back)
        return Span(monday + timedelta(5 if unit == "weekend" else 0), monday + timedelta(7))
    if unit in {"month", "year"}:
        months = 1 if unit == "month" else 12
        start = today.replace(day=1, month=today.month if unit == "month" else 1)
        start = _add_months(start, -months * back)
        return Span(start, _add_months(start, months))
    return _relative_season(unit, today, last=bool(back))


def _relative_season(name: str, today: date, *, last: bool) -> Span:
    """Return the latest season of this name that is over (`last`), or the current or latest one."""
    years = range(today.year - 2, today.year + 1)
    seasons = [_season_spans(name, year, str(year + 1))[0] for year in years]
    past_seasons = [span for span in seasons if span.end and span.end <= today]
    if last:
        return past_seasons[-1]
    current = [span for span in seasons if span.start and span.end and span.end > today]
    return current[0] if current else seasons[-1]


def _add_months(day: date, months: int) -> date:
    """Return the day some months later; `day` is the first of a month."""
    count = day.year * 12 + day.month - 1 + months
    return day.replace(year=count // 12, month=count % 12 + 1)


# --- dates in words -------------------------------------------------------------------------------

_SEASON_WORDS = {
    "spring": "spring", "summer": "summer", "autumn": "autumn", "fall": "autumn",
    "winter": "winter", "frühling": "spring", "frühjahr": "spring", "sommer": "summer",
    "herbst": "autumn", "printemps": "spring", "été": "summer", "ete": "summer",
    "automne": "autumn", "hiver": "winter", "primavera": "spring", "verano": "summer",
    "otoño": "autumn", "otono": "autumn", "invierno": "winter",
}  # fmt: skip
_CHINESE_SEASONS = {"春": "spring", "夏": "summer", "秋": "autumn", "冬": "winter"}

_MONTH_LINES = (
    "january jan januar jänner janvier enero ene",
    "february feb februar février fevrier febrero",
    "march mar märz maerz mars marzo",
    "april apr avril abril abr",
    "may mai mayo",
    "june jun juni juin junio",
    "july jul juli juillet julio",
    "august aug août aout agosto ago",
    "september sep sept septembre septiembre",
    "october oct oktober okt octobre octubre",
    "november nov novembre noviembre",
    "december dec dezember dez décembre decembre diciembre dic",
)
_MONTH_WORDS = {
    word: number for number, words in enumerate(_MONTH_LINES, 1) for word in words.split()
}

# Dates relative to today. French "hier" alone is left out, as it is German for "here".
_RELATIVE_WORDS = {
    r"yesterday|gestern|d['’]hier|ayer|昨天|昨日": "yesterday",
    r"today|heute|aujourd['’]hui|hoy|今天|今日": "today",
    r"(?:last|past|previous) week|(?:letzte[rn]?|vorige[rn]?|vergangene[rn]?) woche"
    r"|semaine (?:dernière|passée)|semana pasada|上周|上星期|上个星期": "last-week",
    r"(?:last|past|previous) weekend|letzte[sn]? wochenende|week-?end dernier"
    r"|fin de semana pasado|上周末": "last-weekend",
    r"(?:last|past|previous) month|(?:letzte|vorige|vergangene)[nmr] monat|mois dernier"
    r"|mes pasado|上个?月": "last-month",
    r"(?:last|past|previous) year|(?:letzte|vorige|vergangene)[snmr] jahr|(?:année|an) dernière?"
    r"|año pasado|去年": "last-year",
    r"this week|diese[rn]? woche|cette semaine|esta semana|这周|本周|这个星期": "this-week",
    r"this weekend|diese[sm] wochenende|ce week-?end|este fin de semana|这个?周末": "this-weekend",
    r"this month|diese[nmr] monat|ce mois(?:-ci)?|este mes|这个月|本月": "this-month",
    r"this year|diese[sm] jahr|cette année|este año|今年": "this-year",
    r"last spring|letzte[nmrs] frühling|printemps dernier|primavera pasada|去年春天": "last-spring",
    r"last summer|letzte[nmrs] sommer|été dernier|verano pasado|去年夏天": "last-summer",
    r"last (?:autumn|fall)|letzte[nmrs] herbst|automne dernier|otoño pasado|去年秋天":
        "last-autumn",
    r"last winter|letzte[nmrs] winter|hiver dernier|invierno pasado|去年冬天": "last-winter",
    r"this summer|diese[nmrs] sommer|cet été|este verano|今年夏天": "this-summer",
    r"this winter|diese[nmrs] winter|cet hiver|este invierno|今年冬天": "this-winter",
}  # fmt: skip
_UNIT_WORDS = {
    "day": "days", "days": "days", "tage": "days", "tagen": "days", "jours": "days",
    "días": "days", "dias": "days", "week": "weeks", "weeks": "weeks", "wochen": "weeks",
    "semaines": "weeks", "semanas": "weeks", "month": "months", "months": "months",
    "monate": "months", "monaten": "months", "mois": "months", "meses": "months",
    "year": "years", "years": "years", "jahre": "years", "jahren": "years", "années": "years",
    "ans": "years", "años": "years",
}  # fmt: skip

_PICTURES = r"photos?|pictures?|pics?|images?|fotos?|bilder|imágenes"
_NOT = (
    rf"(?P<not>(?:(?:but|and|aber|und|mais|et|pero|y)\s)?"
    rf"(?:not|nicht|pas|except|excluding|außer|sauf|excepto"
    rf"|(?:no|without|keine|ohne|sans|pas\sde|sin)\s(?:{_PICTURES}))\s)?"
)
_LEAD = (
    r"(?:(?:taken|shot|made|aufgenommen|prises?|tomadas?|hechas?)\s)?"
    r"(?P<lead>(?:in|from|during|on|of|over|im|aus|vom|von|am|während|en|pendant|durant|au|du|de"
    r"|durante|del|à)\s(?:(?:the|dem|den|der|des|la|le|el|los|las)\s)?|(?:de\s)?l['’]|d['’]"
    r"|(?:the|la|le|el|die|les|los|las)\s)?"
)
_ANY_YEAR = r"(?:1[89]|20|21)\d\d"
_ANY_MONTH = "|".join(sorted(_MONTH_WORDS, key=len, reverse=True))
_ANY_SEASON = "|".join(sorted(_SEASON_WORDS, key=len, reverse=True))
_OF = r"(?:\s|\sof\s|\sde\s|\sdel\s|,\s|\sl['’])"
_END = r"(?![\w'’-])"

_ANY_RELATIVE = "|".join(_RELATIVE_WORDS).replace(" ", r"\s")
_BODY = rf"""
    (?P<iso>{_ANY_YEAR}-\d\d(?:-\d\d)?(?=\s|$))
  | (?P<winter>winter|hiver|invierno)\s(?P<w1>{_ANY_YEAR})(?:/|-|\sto\s)(?P<w2>{_ANY_YEAR}|\d\d)
  | (?P<season>{_ANY_SEASON}){_OF}(?P<syear>{_ANY_YEAR})
  | (?P<day>\d{{1,2}})(?:st|nd|rd|th|\.|er)?(?:\s|\sof\s|\sde\s)(?P<dmonth>{_ANY_MONTH})\.?{_OF}
    (?P<dyear>{_ANY_YEAR})
  | (?P<umonth>{_ANY_MONTH})\.?\s(?P<uday>\d{{1,2}})(?:st|nd|rd|th)?,?\s(?P<uyear>{_ANY_YEAR})
  | (?P<month>{_ANY_MONTH})\.?{_OF}(?P<myear>{_ANY_YEAR})
  | (?:(?:between|from|zwischen|von|entre|de)\s)?(?P<y1>{_ANY_YEAR})
    \s?(?:-|–|to|and|until|till|bis|und|et|à|a|y|hasta)\s?(?P<y2>{_ANY_YEAR})
  | (?:since|seit|depuis|desde)\s(?P<since>{_ANY_YEAR})
  | (?:after|nach|après|después\sde|despues\sde)\s(?P<later>{_ANY_YEAR})
  | (?:before|vor|avant|antes\sde)\s(?P<until>{_ANY_YEAR})
  | (?:last|past|letzten?|derniers|dernières|últimos|últimas)\s(?P<back>\d{{1,3}})\s
    (?P<unit>{"|".join(sorted(_UNIT_WORDS, key=len, reverse=True))})
  | (?P<relative>{_ANY_RELATIVE})
  | (?P<year>(?:(?:year|jahre?|année|año)\s(?:de\s)?)?{_ANY_YEAR})(?=\s?(?:$|[,;.]))
"""
_PHRASE = later(rf"(?<![\w'’-]){_NOT}{_LEAD}(?:{_BODY}){_END}", re.VERBOSE | re.IGNORECASE)
_CHINESE_RELATIVE_WORDS = re.findall(r"(?<=\|)[\u4e00-\u9fff?]+", "|".join(_RELATIVE_WORDS))
_ANY_CHINESE_RELATIVE = "|".join(sorted(_CHINESE_RELATIVE_WORDS, key=len, reverse=True))
_CHINESE_PHRASE = later(
    rf"(?P<not>不要|不是|除了)?(?:在|于|從|从|自)?(?:"
    rf"(?P<y1>{_ANY_YEAR})年?(?:到|至|—|-|~)(?P<y2>{_ANY_YEAR})年?"
    rf"|(?P<since>{_ANY_YEAR})年?(?:以来|以來|以后|以後|之后|之後)"
    rf"|(?P<until>{_ANY_YEAR})年?(?:以前|之前)"
    rf"|(?P<year>{_ANY_YEAR})年(?:(?P<season>[春夏秋冬])[天季]?"
    rf"|(?P<month>\d{{1,2}})月(?:(?P<day>\d{{1,2}})[日号號])?)?"
    rf"|(?P<relative>{_ANY_CHINESE_RELATIVE})"
    r")(?:拍摄|拍攝|拍)?(?:的)?"
)
_RELATIVE_PATTERNS = [
    (later(words, re.IGNORECASE), value) for words, value in reversed(_RELATIVE_WORDS.items())
]


@dataclass(frozen=True)
class DatePhrase:
    """Words from `start` to `end` of a text that mean the filter `name` with `value`."""

    start: int
    end: int
    name: str
    value: str
    excluded: bool


def find_phrases(text: str) -> Iterator[DatePhrase]:
    """Yield the dates in a single-spaced text, in order."""
    for pattern, read in ((_PHRASE, _read_phrase), (_CHINESE_PHRASE, _read_chinese)):
        for match in pattern.finditer(text):
            meaning = read(match)
            if meaning and (value := canonical(meaning[1])):
                name, excluded = meaning[0], bool(match["not"])
                yield DatePhrase(match.start(), match.end(), name, value, excluded)


def phrase_to_date(text: str) -> str | None:
    """Return the date that a text consists of, if it is written in words; None otherwise."""
    phrases = find_phrases(f"in {text}")
    first = next((each for each in phrases if each.name == "date" and not each.excluded), None)
    return first.value if first and first.end == len(text) + 3 else None


def _read_phrase(match: re.Match[str]) -> tuple[str, str] | None:
    """Return the filter and the value of a match in a language with spaces."""
    part = match.groupdict()
    if part["iso"]:
        return "date", part["iso"]
    if part["w1"]:
        second = part["w2"] if len(part["w2"]) == 4 else part["w1"][:2] + part["w2"]
        return "date", f"winter-{part['w1']}-{second}"
    if part["season"]:
        return "date", f"{_SEASON_WORDS[part['season'].lower()]}-{part['syear']}"
    for day, month, year in (("day", "dmonth", "dyear"), ("uday", "umonth", "uyear")):
        if part[month]:
            return "date", f"{part[year]}-{_MONTH_WORDS[part[month].lower()]}-{part[day]}"
    if part["month"]:
        return "date", f"{part['myear']}-{_MONTH_WORDS[part['month'].lower()]}"
    if part["back"]:
        return "date", f"last-{part['back']}-{_UNIT_WORDS[part['unit'].lower()]}"
    if part["relative"]:
        return _read_relative(match)
    if part["year"]:
        # "1984" may be a title and "2000" a number. After "in" or "from" they are years.
        bare = part["year"] == part["year"][-4:] and not (part["lead"] or part["not"])
        return None if bare else ("date", part["year"][-4:])
    return _read_years(part)


def _read_chinese(match: re.Match[str]) -> tuple[str, str] | None:
    part = match.groupdict()
    if part["season"]:
        return "date", f"{_CHINESE_SEASONS[part['season']]}-{part['year']}"
    if part["year"]:
        return "date", "-".join(part[unit] for unit in ("year", "month", "day") if part[unit])
    if part["relative"]:
        return "date", _relative_value(part["relative"])
    return _read_years({**part, "later": None})


def _read_years(part: dict[str, str | None]) -> tuple[str, str]:
    if part["since"]:
        return "after", part["since"]
    if part["later"]:
        # In plain words, "after 2020" begins with 2021.
        return "after", str(int(part["later"]) + 1)
    if part["until"]:
        return "before", part["until"]
    return "date", f"{part['y1']}..{part['y2']}"


def _read_relative(match: re.Match[str]) -> tuple[str, str] | None:
    words = match["relative"]
    # Capitalised inside a text, it is the name of a newspaper or a song.
    if words in {"Today", "Yesterday"} and match.start() > 0:
        return None
    return "date", _relative_value(words)


def _relative_value(words: str) -> str:
    return next(value for pattern, value in _RELATIVE_PATTERNS if pattern.fullmatch(words))
