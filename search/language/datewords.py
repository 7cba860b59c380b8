"""Words for dates in English, German, French, Spanish and Chinese: "summer 2023", "letzte Woche".

Only what can hardly mean anything else is taken as a date: a month or season needs a year, a year
alone needs "in" or "from" before it and nothing after it.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

from search.language import days

SEASONS = {
    "spring": "spring", "summer": "summer", "autumn": "autumn", "fall": "autumn",
    "winter": "winter", "frühling": "spring", "frühjahr": "spring", "sommer": "summer",
    "herbst": "autumn", "printemps": "spring", "été": "summer", "ete": "summer",
    "automne": "autumn", "hiver": "winter", "primavera": "spring", "verano": "summer",
    "otoño": "autumn", "otono": "autumn", "invierno": "winter",
}  # fmt: skip
_CHINESE_SEASONS = {"春": "spring", "夏": "summer", "秋": "autumn", "冬": "winter"}

_MONTHS = (
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
MONTHS = {word: number for number, words in enumerate(_MONTHS, 1) for word in words.split()}

# What moves with the calendar, as people say it. French "hier" alone is German for "here".
_MOVING = {
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
_UNITS = {
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
_YEAR = r"(?:1[89]|20|21)\d\d"
_MONTH = "|".join(sorted(MONTHS, key=len, reverse=True))
_SEASON = "|".join(sorted(SEASONS, key=len, reverse=True))
_OF = r"(?:\s|\sof\s|\sde\s|\sdel\s|,\s|\sl['’])"
_END = r"(?![\w'’-])"

_MOVING_WORDS = "|".join(_MOVING).replace(" ", r"\s")
_BODY = rf"""
    (?P<iso>{_YEAR}-\d\d(?:-\d\d)?(?=\s|$))
  | (?P<winter>winter|hiver|invierno)\s(?P<w1>{_YEAR})(?:/|-|\sto\s)(?P<w2>{_YEAR}|\d\d)
  | (?P<season>{_SEASON}){_OF}(?P<syear>{_YEAR})
  | (?P<day>\d{{1,2}})(?:st|nd|rd|th|\.|er)?(?:\s|\sof\s|\sde\s)(?P<dmonth>{_MONTH})\.?{_OF}
    (?P<dyear>{_YEAR})
  | (?P<umonth>{_MONTH})\.?\s(?P<uday>\d{{1,2}})(?:st|nd|rd|th)?,?\s(?P<uyear>{_YEAR})
  | (?P<month>{_MONTH})\.?{_OF}(?P<myear>{_YEAR})
  | (?:(?:between|from|zwischen|von|entre|de)\s)?(?P<y1>{_YEAR})
    \s?(?:-|–|to|and|until|till|bis|und|et|à|a|y|hasta)\s?(?P<y2>{_YEAR})
  | (?:since|seit|depuis|desde)\s(?P<since>{_YEAR})
  | (?:after|nach|après|después\sde|despues\sde)\s(?P<later>{_YEAR})
  | (?:before|vor|avant|antes\sde)\s(?P<until>{_YEAR})
  | (?:last|past|letzten?|derniers|dernières|últimos|últimas)\s(?P<back>\d{{1,3}})\s
    (?P<unit>{"|".join(sorted(_UNITS, key=len, reverse=True))})
  | (?P<moving>{_MOVING_WORDS})
  | (?P<year>(?:(?:year|jahre?|année|año)\s(?:de\s)?)?{_YEAR})(?=\s?(?:$|[,;.]))
"""
_SPACED = re.compile(rf"(?<![\w'’-]){_NOT}{_LEAD}(?:{_BODY}){_END}", re.VERBOSE | re.IGNORECASE)
_MOVING_CHINESE = "|".join(
    sorted(re.findall(r"(?<=\|)[\u4e00-\u9fff?]+", "|".join(_MOVING)), key=len, reverse=True)
)
_CHINESE = re.compile(
    rf"(?P<not>不要|不是|除了)?(?:在|于|從|从|自)?(?:"
    rf"(?P<y1>{_YEAR})年?(?:到|至|—|-|~)(?P<y2>{_YEAR})年?"
    rf"|(?P<since>{_YEAR})年?(?:以来|以來|以后|以後|之后|之後)"
    rf"|(?P<until>{_YEAR})年?(?:以前|之前)"
    rf"|(?P<year>{_YEAR})年(?:(?P<season>[春夏秋冬])[天季]?"
    rf"|(?P<month>\d{{1,2}})月(?:(?P<day>\d{{1,2}})[日号號])?)?"
    rf"|(?P<moving>{_MOVING_CHINESE})"
    r")(?:拍摄|拍攝|拍)?(?:的)?"
)
_NAMED = [(re.compile(words, re.IGNORECASE), value) for words, value in reversed(_MOVING.items())]


@dataclass(frozen=True)
class Found:
    """Words from `start` to `end` of a text that mean the value of a filter."""

    start: int
    end: int
    name: str
    value: str
    excluded: bool


def find(text: str) -> Iterator[Found]:
    """Yield the dates that a single-spaced text speaks of, in order."""
    for pattern, read in ((_SPACED, _spaced), (_CHINESE, _chinese)):
        for match in pattern.finditer(text):
            meant = read(match)
            if meant and (value := days.canonical(meant[1])):
                yield Found(match.start(), match.end(), meant[0], value, bool(match["not"]))


def whole(value: str) -> str | None:
    """Return the date that a value consists of when it is written in words; None otherwise."""
    found = [one for one in find(f"in {value}") if one.name == "date" and not one.excluded]
    return found[0].value if found and found[0].end == len(value) + 3 else None


def _spaced(match: re.Match[str]) -> tuple[str, str] | None:
    """Return the filter and the value of a match in a language with blanks."""
    part = match.groupdict()
    if part["iso"]:
        return "date", part["iso"]
    if part["w1"]:
        second = part["w2"] if len(part["w2"]) == 4 else part["w1"][:2] + part["w2"]
        return "date", f"winter-{part['w1']}-{second}"
    if part["season"]:
        return "date", f"{SEASONS[part['season'].lower()]}-{part['syear']}"
    for day, month, year in (("day", "dmonth", "dyear"), ("uday", "umonth", "uyear")):
        if part[month]:
            return "date", f"{part[year]}-{MONTHS[part[month].lower()]}-{part[day]}"
    if part["month"]:
        return "date", f"{part['myear']}-{MONTHS[part['month'].lower()]}"
    if part["back"]:
        return "date", f"last-{part['back']}-{_UNITS[part['unit'].lower()]}"
    if part["moving"]:
        return _moving(match)
    if part["year"]:
        # "1984" may be a title and "2000" a number; with "in" or "from" they are years.
        bare = part["year"] == part["year"][-4:] and not (part["lead"] or part["not"])
        return None if bare else ("date", part["year"][-4:])
    return _years(part)


def _chinese(match: re.Match[str]) -> tuple[str, str] | None:
    part = match.groupdict()
    if part["season"]:
        return "date", f"{_CHINESE_SEASONS[part['season']]}-{part['year']}"
    if part["year"]:
        return "date", "-".join(part[one] for one in ("year", "month", "day") if part[one])
    if part["moving"]:
        return "date", _named(part["moving"])
    return _years({**part, "later": None})


def _years(part: dict[str, str | None]) -> tuple[str, str]:
    if part["since"]:
        return "after", part["since"]
    if part["later"]:
        # The photos after 2020 begin with 2021.
        return "after", str(int(part["later"]) + 1)
    if part["until"]:
        return "before", part["until"]
    return "date", f"{part['y1']}..{part['y2']}"


def _moving(match: re.Match[str]) -> tuple[str, str] | None:
    words = match["moving"]
    # A newspaper or a song is called so.
    if words in {"Today", "Yesterday"} and match.start() > 0:
        return None
    return "date", _named(words)


def _named(words: str) -> str:
    return next(value for pattern, value in _NAMED if pattern.fullmatch(words))
