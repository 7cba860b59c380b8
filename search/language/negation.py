"""Exclusions in plain words: "but no cartoon", "sin gente", "ohne Auto", "sans voiture".

A sentence seldom ends where what it denies ends: of "a man without a shirt climbs a rock wall"
only the shirt is missing. An exclusion is therefore understood only where it closes the query or
a clause, is a short noun phrase or a list of such, and is no saying. All else stays description.
"""

from __future__ import annotations

import itertools
import re

from search.language import lexicon
from search.language.chinese import exclusions as chinese_exclusions

MAX_WORDS = 3
"""Words of what one exclusion names."""
MAX_BEFORE_ALL_BUT = 4
"""Words before an "except" that excludes."""
MAX_LISTED = 5
"""Exclusions that one word such as "without" may announce."""
LONGEST = 160
"""Characters of a list of them, with a place: nothing longer needs to be looked into."""

_CLAUSE_END = re.compile(r"\s?[,;!?](?=\s|$)|\s?\.(?=\s|$)|\s[-–—]\s")
_BREAK = re.compile(rf"\s(?=(?:{lexicon.BREAKS})\s)", re.IGNORECASE)
_EDGES = " ,;.，；、。!！"
_DANGLING = re.compile(
    rf"[\s,;]+(?:{lexicon.CONJUNCTIONS}|with|wearing|that|which|mit|avec|con|que|die|der|wo)$", re.I
)
_IN_BRACKETS = re.compile(
    rf"\s*\((?=(?:(?:{lexicon.CONJUNCTIONS})\s)?(?:{lexicon.CUES})\s)([^()]*)\)(?=\s|$|,)",
    re.VERBOSE | re.IGNORECASE,
)
_TIE = "\x00"
_OPENING_BREAK = re.compile(rf"^(?:{lexicon.BREAKS})\s", re.IGNORECASE)
_EMPTY_BUT = re.compile(
    r"\b(?:empty|deserted|topless|bare|naked|nude|covered|alone|dark|blank|leer|vide|vac[ií]o)\b",
    re.IGNORECASE,
)


def exclusions(text: str) -> tuple[str, list[str]]:
    """Return what is left of a description and what it excludes, in order."""
    left, found = chinese_exclusions(text)
    if re.search(r"[a-zA-Z]", left):
        left, more = _spaced_exclusions(left)
        found += more
    return (left if found else text), found


def _spaced_exclusions(text: str) -> tuple[str, list[str]]:
    text = _IN_BRACKETS.sub(_in_commas, lexicon.ALL_BUT_THESE.sub("everything except ", text))
    if _EMPTY_BUT.search(text) and re.search(r"\b(?:except|but for|au(?:ß|ss)er|sauf)\b", text):
        return text, []
    idioms = [match.span() for match in lexicon.IDIOMS.finditer(text)]
    found: list[str] = []
    kept = ""
    listing = False
    for start, end, opening in _clauses(text):
        clause, more = _clause_exclusions(text, start, end, idioms)
        if listing and not more and (continued := _continued(clause)):
            clause, more = "", continued
        found += more
        if listing and not more and kept:
            clause = _OPENING_BREAK.sub("", clause)
        listing = bool(more)
        if clause:
            kept += (opening if kept else "") + clause
    return _DANGLING.sub("", kept.strip(_EDGES)).strip(_EDGES), found


def _in_commas(brackets: re.Match[str]) -> str:
    goes_on = brackets.string[brackets.end() :].lstrip()
    return f", {brackets[1]}" + ("," if goes_on and not goes_on.startswith(",") else "")


def _clauses(text: str) -> list[tuple[int, int, str]]:
    """Return the start and end of each clause, and what divides it from the one before."""
    ends = [*_CLAUSE_END.finditer(text), *_BREAK.finditer(text)]
    found, place, opening = [], 0, ""
    for match in sorted(ends, key=lambda one: one.start()):
        found.append((place, match.start(), opening))
        place, opening = match.end(), match[0]
        # A blank after a comma belongs to neither clause.
        while place < len(text) and text[place] == " ":
            place += 1
            opening += " "
    return [*found, (place, len(text), opening)]


def _clause_exclusions(
    text: str, start: int, end: int, idioms: list[tuple[int, int]]
) -> tuple[str, list[str]]:
    """Return what is left of a clause and what it excludes, read from its end."""
    found: list[str] = []
    for match in reversed(list(lexicon.CUE.finditer(text, start, end))):
        if any(first < match.end() and match.start("cue") < last for first, last in idioms):
            continue
        before, what = text[start : match.start()].strip(), text[match.end() : end].strip()
        whole = start == 0 and not before
        if len(what) > LONGEST:
            continue
        if not _believable(match, before, opened=whole):
            continue
        named = _named(what, cue=match["cue"])
        if named is None:
            if whole and (placed := _placed(match["cue"], what)):
                return placed
            continue
        found = named + found
        end = match.start()
    clause = text[start:end].strip()
    return (_DANGLING.sub("", clause) if found else clause), found


def _believable(match: re.Match[str], before: str, *, opened: bool) -> bool:
    """Tell whether a cue announces an exclusion, from what it follows."""
    cue = match["cue"].lower()
    conjunction = match[0].lower() != cue
    words = before.lower().split()
    all_before = match.string[: match.start()].split()
    if cue.split()[0] in lexicon.ALL_BUT and len(all_before) > MAX_BEFORE_ALL_BUT:
        return False  # In a sentence they name what is there: "all in black except the bride".
    if cue == "no" and opened and match.string[match.end() :].strip()[:1].isupper():
        return False  # "No Doubt" is a name.
    if cue == "sin" and lexicon.NORDIC & set(words):
        return False
    if cue == "no" and lexicon.PORTUGUESE & set(words) and not conjunction:
        return False
    if lexicon.SHY.fullmatch(cue) and words and not conjunction:
        shunned = lexicon.BEFORE_NO if cue in {"no", "minus"} else lexicon.BEFORE_NOT
        return words[-1] not in shunned and not words[-1].startswith(("n'", "n’"))
    if cue == "nada de" and before:
        return False  # "El perro nada de espaldas" swims.
    if not opened or cue not in lexicon.NEED_SOMETHING_BEFORE:
        return True
    one = lexicon.ONE_OF_THEM.match(match.string[match.end() :].lstrip())
    return bool(one) or match["cue"] == "NOT"


def _placed(cue: str, what: str) -> tuple[str, list[str]] | None:
    """Return where something is lacking, and what: "no people on the beach"."""
    match = lexicon.PLACED.fullmatch(what) if lexicon.LACKING.fullmatch(cue) else None
    if not match or not (named := _named(match["what"], cue=cue)):
        return None
    return (match["where"], named) if _noun_phrase(match["where"], first=True) else None


def _named(what: str, *, cue: str = "") -> list[str] | None:
    """Return the things that a short noun phrase or list names; None for anything else."""
    what = _without_trailers(what)
    if not what:
        return None
    parts, joints = _listed(what)
    if len(parts) > MAX_LISTED:
        return None
    named = [_noun_phrase(part, first=not place) for place, part in enumerate(parts)]
    if any(name is None for name in named):
        return None
    first_word = parts[0].split()[0].lower() if parts[0].split() else ""
    for part, joint in zip(parts[1:], joints, strict=True):
        words = part.lower().split()
        # "no shirt and a hat": the hat is there.
        if joint and words[0] in lexicon.INDEFINITE and first_word not in lexicon.INDEFINITE:
            return None
        # "with no shirt and white shorts": the shorts are there.
        if joint and cue.lower().endswith("no") and len(words) > 1 and words[0] != "no":
            return None
    return [name for name in named if name]


def _continued(clause: str) -> list[str] | None:
    """Return what goes on with a list of exclusions: "without cars, people or dogs"."""
    lists = re.search(r"\s(?:or|nor|oder|noch|ou|ni|o|u)\s", clause)
    return _named(clause) if lists else None


def _listed(what: str) -> tuple[list[str], list[bool]]:
    """Cut a list; return its parts, and for each joint whether it is an "and"."""
    whole = lexicon.PAIRS.sub(lambda match: match[0].replace(" ", _TIE), what)
    parts, joints, place = [], [], 0
    for match in lexicon.LISTING.finditer(whole):
        parts.append(whole[place : match.start()])
        joints.append(bool(match["and"]))
        place = match.end()
    parts.append(whole[place:])
    return [part.replace(_TIE, " ").strip() for part in parts], joints


def _noun_phrase(part: str, *, first: bool) -> str | None:
    """Return the words of a noun phrase without its article; None if it is none."""
    if (people := lexicon.PEOPLE.get(part.lower())) is not None:
        return people
    bare = part
    articles = []
    while match := lexicon.DETERMINERS.match(bare):
        articles.append(match[0].strip().lower())
        bare = bare[match.end() :]
    pair = bool(lexicon.PAIRS.fullmatch(bare))
    words = bare.strip(" \"'()").split()
    if not words or (len(words) > MAX_WORDS and not pair) or not any(map(str.isalpha, bare)):
        return None
    lowered = [word.lower() for word in words]
    inner = lowered[:-1] if lowered[-1] in lexicon.NOUNS_TOO else lowered
    if not pair and any(_goes_on(word) for word in inner):
        return None
    if any(_is_participle(word) for word in (lowered[1:] if first else lowered)):
        return None
    # In "a shirt climbs" the last word is a verb, since "a" goes with one thing.
    verb = len(words) > 1 and {"a", "an"} & set(articles) and _is_plural(lowered[-1])
    # German nouns have capitals: what follows one and has none is a verb.
    german = any(one[:1].isupper() and two[:1].islower() for one, two in itertools.pairwise(words))
    return None if verb or german else " ".join(words)


def _without_trailers(what: str) -> str:
    while (shorter := lexicon.TRAILERS.sub("", what)) != what:
        what = shorter
    return what.strip(_EDGES)


def _goes_on(word: str) -> bool:
    return word in lexicon.FUNCTION_WORDS or word.endswith(("n't", "’t"))


def _is_participle(word: str) -> bool:
    return word.endswith("ing") and len(word) > 4 and word not in lexicon.ING_NOUNS


def _is_plural(word: str) -> bool:
    return word.endswith("s") and not word.endswith(("ss", "us", "is"))
