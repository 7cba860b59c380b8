"""Reads a description: dates in plain words, and exclusions such as "but no cartoon".

A sentence seldom ends where its negation ends: in "a man without a shirt climbs a rock wall", only
the shirt is missing. So an exclusion counts only where it closes the query or a clause, names one
thing or a short list of things, and is no set phrase. Everything else stays description.
"""

from __future__ import annotations

import itertools
import re
from collections.abc import Iterable
from dataclasses import dataclass

from search.language import dates, lexicon
from search.language.patterns import later
from search.language.query_errors import QueryError
from search.language.scanner import clean_text, has_content, tokens
from search.language.terms import MAX_TERMS, Filter

MAX_WORDS = 3
"""Words of one name at most."""
MAX_BEFORE_ALL_BUT = 4
"""Words before an "except" that may still exclude something."""
MAX_NAMES = 5
"""Names that may follow one word such as "without"."""
MAX_LIST = 160
"""Characters of a list of names with a place; longer texts are not examined."""

_CLAUSE_END = later(r"\s?[,;!?](?=\s|$)|\s?\.(?=\s|$)|\s[-–—]\s")
_BREAK = later(rf"\s(?=(?:{lexicon.BREAKS})\s)", re.IGNORECASE)
_SEPARATORS = " ,;，；、"
_EDGES = " ,;.，；、。!！"
_DANGLING = later(
    rf"[\s,;]+(?:{lexicon.CONJUNCTIONS}|with|wearing|that|which|mit|avec|con|que|die|der|wo)$", re.I
)
_IN_BRACKETS = later(
    rf"\s*\((?=(?:(?:{lexicon.CONJUNCTIONS})\s)?(?:{lexicon.CUES})\s)([^()]*)\)(?=\s|$|,)",
    re.VERBOSE | re.IGNORECASE,
)
_TIE = "\x00"
_OPENING_BREAK = later(rf"^(?:{lexicon.BREAKS})\s", re.IGNORECASE)
_EMPTY_BUT = later(
    r"\b(?:empty|deserted|topless|bare|naked|nude|covered|alone|dark|blank|leer|vide|vac[ií]o)\b",
    re.IGNORECASE,
)


@dataclass(frozen=True)
class Cut:
    """Words that a description does not keep: a date (`filter`), or the `names` of exclusions."""

    words: str
    names: tuple[str, ...] = ()
    filter: Filter | None = None


def read_description(text: str) -> tuple[str, list[Cut]]:
    """Return the rest of a description, and what was cut out as exclusions and dates."""
    text = text.strip(_SEPARATORS)
    cuts: list[Cut] = []
    # Cutting one thing out may move another to the end of a clause.
    for _round in range(MAX_TERMS):
        rest, date_cuts = _cut_dates(text)
        rest, more = _exclusions(rest)
        rest = " ".join(rest.split()).strip(_SEPARATORS)
        cuts += [*date_cuts, *more]
        if not date_cuts and not more:
            return rest, cuts
        text = rest
    return text, cuts


def reads_back(text: str) -> bool:
    """Tell whether a description is read as exactly itself and nothing else."""
    try:
        pieces = list(tokens(clean_text(text)))
    except QueryError:
        return False
    if not has_content(text) or not all(piece.plain for piece in pieces):
        return False
    return read_description(" ".join(piece.whole for piece in pieces)) == (text, [])


def _cut_dates(text: str) -> tuple[str, list[Cut]]:
    """Return the text without the dates in it, and these as filters."""
    cuts = []
    place, rest = 0, ""
    for phrase in dates.find_phrases(text):
        if phrase.start < place:
            continue
        flt = Filter(phrase.name, (phrase.value,), phrase.excluded)
        cuts.append(Cut(text[phrase.start : phrase.end].strip(_SEPARATORS), filter=flt))
        rest += text[place : phrase.start]
        place = phrase.end
    return " ".join((rest + text[place:]).split()), cuts


def _exclusions(text: str) -> tuple[str, list[Cut]]:
    """Return the rest of a description and what it excludes, in order."""
    rest, cuts = _chinese_exclusions(text)
    if re.search(r"[a-zA-Z]", rest):
        rest, more = _spaced_exclusions(rest)
        cuts += more
    return (rest if cuts else text), cuts


def _cut(words: str, names: Iterable[str]) -> Cut:
    return Cut(words.strip(_EDGES), tuple(names))


# --- languages with spaces ------------------------------------------------------------------------


def _spaced_exclusions(text: str) -> tuple[str, list[Cut]]:
    text = _IN_BRACKETS.sub(_in_commas, lexicon.ALL_BUT_THESE.sub("everything except ", text))
    if _EMPTY_BUT.search(text) and re.search(r"\b(?:except|but for|au(?:ß|ss)er|sauf)\b", text):
        return text, []
    idioms = [match.span() for match in lexicon.IDIOMS.finditer(text)]
    cuts: list[Cut] = []
    rest = ""
    listing = False
    for start, end, opening in _clauses(text):
        clause, more = _clause_exclusions(text, start, end, idioms)
        if listing and not more and (continuation := _list_continuation(clause)):
            clause, more = "", [_cut(text[start:end], continuation)]
        cuts += more
        if listing and not more and rest:
            clause = _OPENING_BREAK.sub("", clause)
        listing = bool(more)
        if clause:
            rest += (opening if rest else "") + clause
    return _DANGLING.sub("", rest.strip(_EDGES)).strip(_EDGES), cuts


def _in_commas(brackets: re.Match[str]) -> str:
    following = brackets.string[brackets.end() :].lstrip()
    return f", {brackets[1]}" + ("," if following and not following.startswith(",") else "")


def _clauses(text: str) -> list[tuple[int, int, str]]:
    """Return the start and end of each clause, and what separates it from the one before."""
    ends = [*_CLAUSE_END.finditer(text), *_BREAK.finditer(text)]
    clauses, place, opening = [], 0, ""
    for match in sorted(ends, key=lambda match: match.start()):
        clauses.append((place, match.start(), opening))
        place, opening = match.end(), match[0]
        # A space after a comma belongs to neither clause.
        while place < len(text) and text[place] == " ":
            place += 1
            opening += " "
    return [*clauses, (place, len(text), opening)]


def _clause_exclusions(
    text: str, start: int, end: int, idioms: list[tuple[int, int]]
) -> tuple[str, list[Cut]]:
    """Return the rest of a clause and what it excludes, reading from its end."""
    cuts: list[Cut] = []
    for match in reversed(list(lexicon.CUE.finditer(text, start, end))):
        if any(first < match.end() and match.start("cue") < last for first, last in idioms):
            continue
        before, object_ = text[start : match.start()].strip(), text[match.end() : end].strip()
        opens_query = start == 0 and not before
        if len(object_) > MAX_LIST or not _excludes(match, before, opens_query=opens_query):
            continue
        more = _names(object_, cue=match["cue"])
        if more is None:
            if opens_query and (place := _lack_in_place(match["cue"], object_)):
                return place
            continue
        cuts.insert(0, _cut(text[match.start() : end], more))
        end = match.start()
    clause = text[start:end].strip()
    return (_DANGLING.sub("", clause) if cuts else clause), cuts


def _excludes(match: re.Match[str], before: str, *, opens_query: bool) -> bool:
    """Tell from the words around a cue whether it announces an exclusion."""
    cue = match["cue"].lower()
    conjunction = match[0].lower() != cue
    words = before.lower().split()
    all_before = match.string[: match.start()].split()
    if cue.split()[0] in lexicon.ALL_BUT and len(all_before) > MAX_BEFORE_ALL_BUT:
        return False  # In a sentence it names what is present: "all in black except the bride".
    if cue in {"minus", "menos"} and lexicon.MEASURE.match(match.string[match.end() :].lstrip()):
        return False  # "minus 20 °C" is a temperature.
    if cue == "no" and opens_query and match.string[match.end() :].strip()[:1].isupper():
        return False  # "No Doubt" is a name.
    if cue == "sin" and lexicon.NORDIC & set(words):
        return False
    if cue == "no" and lexicon.PORTUGUESE & set(words) and not conjunction:
        return False
    if lexicon.AMBIGUOUS.fullmatch(cue) and words and not conjunction:
        denies_verb = lexicon.BEFORE_NO if cue in {"no", "minus"} else lexicon.BEFORE_NOT
        return words[-1] not in denies_verb and not words[-1].startswith(("n'", "n’"))
    if cue == "nada de" and before:
        return False  # In "el perro nada de espaldas", the dog swims.
    if not opens_query or cue not in lexicon.NEED_SOMETHING_BEFORE:
        return True
    indefinite = lexicon.INDEFINITE_ARTICLE.match(match.string[match.end() :].lstrip())
    return bool(indefinite) or match["cue"] == "NOT"


def _lack_in_place(cue: str, object_: str) -> tuple[str, list[Cut]] | None:
    """Return a place and what it lacks: "no people on the beach"; None for anything else."""
    match = lexicon.WITH_PLACE.fullmatch(object_) if lexicon.LACK.fullmatch(cue) else None
    if not match or not (names := _names(match["what"], cue=cue)):
        return None
    cuts = [_cut(f"{cue} {match['what']}", names)]
    return (match["where"], cuts) if _noun_phrase(match["where"], first=True) else None


def _names(text: str, *, cue: str = "") -> list[str] | None:
    """Return the things that a short noun phrase or list names; None for anything else."""
    text = _strip_trailers(text)
    if not text:
        return None
    parts, joints = _split_list(text)
    if len(parts) > MAX_NAMES:
        return None
    names = [_noun_phrase(part, first=not place) for place, part in enumerate(parts)]
    if None in names:
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
    return [name for name in names if name]


def _list_continuation(clause: str) -> list[str] | None:
    """Return the names that continue a list of exclusions: "without cars, people or dogs"."""
    lists = re.search(r"\s(?:or|nor|oder|noch|ou|ni|o|u)\s", clause)
    return _names(clause) if lists else None


def _split_list(text: str) -> tuple[list[str], list[bool]]:
    """Return the parts of a list, and for each joint whether it is an "and"."""
    whole = lexicon.PAIRS.sub(lambda match: match[0].replace(" ", _TIE), text)
    parts, joints, place = [], [], 0
    for match in lexicon.LISTING.finditer(whole):
        parts.append(whole[place : match.start()])
        joints.append(bool(match["and"]))
        place = match.end()
    parts.append(whole[place:])
    return [part.replace(_TIE, " ").strip() for part in parts], joints


def _noun_phrase(text: str, *, first: bool) -> str | None:
    """Return a noun phrase without its article; None if the text is none."""
    if (people := lexicon.PEOPLE.get(text.lower())) is not None:
        return people
    bare = text
    articles = []
    while match := lexicon.DETERMINERS.match(bare):
        articles.append(match[0].strip().lower())
        bare = bare[match.end() :]
    pair = bool(lexicon.PAIRS.fullmatch(bare))
    words = bare.strip(" \"'()").split()
    if not words or (len(words) > MAX_WORDS and not pair) or not any(map(str.isalpha, bare)):
        return None
    lower = [word.lower() for word in words]
    inner = lower[:-1] if lower[-1] in lexicon.NOUNS_TOO else lower
    if not pair and any(_is_function_word(word) for word in inner):
        return None
    if any(_is_participle(word) for word in (lower[1:] if first else lower)):
        return None
    # In "a shirt climbs" the last word is a verb, since "a" needs a singular.
    verb = len(words) > 1 and {"a", "an"} & set(articles) and _is_plural(lower[-1])
    # German nouns are capitalised: a lower-case word after one is a verb.
    pairs = itertools.pairwise(words)
    german = any(noun[:1].isupper() and word[:1].islower() for noun, word in pairs)
    return None if verb or german else " ".join(words)


def _strip_trailers(text: str) -> str:
    while (shorter := lexicon.TRAILERS.sub("", text)) != text:
        text = shorter
    return text.strip(_EDGES)


def _is_function_word(word: str) -> bool:
    return word in lexicon.FUNCTION_WORDS or word.endswith(("n't", "’t"))


def _is_participle(word: str) -> bool:
    return word.endswith("ing") and len(word) > 4 and word not in lexicon.ING_NOUNS


def _is_plural(word: str) -> bool:
    return word.endswith("s") and not word.endswith(("ss", "us", "is"))


# --- Chinese, which has no spaces -----------------------------------------------------------------

_ZH_NAME = 6
"""Characters of one name at most."""
_ZH_RELATIVE = 4
"""Characters between 没有 and 的 at most: longer texts have a verb and a meaning of their own."""
_ZH_HEAD = 6
"""Characters after that 的 at most."""

_ZH_STOP = "，,。;；、！!？? "
_ZH_CUE = (
    r"(?:没有任何|沒有任何|没有|沒有|不要有|不要|不包括|不包含|不含|不带|不帶|不是|排除"
    r"|没|沒|无|無)"
)
_ZH_CONJUNCTION = r"(?:但是|但|却|卻|可是|而且|而|也|又|并且|並且|里面|裡面)?"
# 有没有 asks whether there is any, 无人机 is a drone: these exclude nothing.
_ZH_IDIOMS = later(
    r"有[没沒]有|[没沒]有?(?:问题|問題|关系|關係|事|办法|辦法|想到|错|錯|用|法|收|落)|[无無]人[机機区區店车車驾駕]"
    r"|[无無](?!人)|不是[说說]|不要(?:脸|臉|紧|緊)|[没沒]有?[你我他她](?!们)|[出沉埋淹吞隐隱][没沒]"
)
_ZH_CLOSING = later(
    rf"[{_ZH_STOP}]*{_ZH_CONJUNCTION}(?P<cue>{_ZH_CUE})"
    rf"(?P<what>[^{_ZH_STOP}的]{{1,{2 * _ZH_NAME}}})"
    rf"(?:的(?:照片|图片|圖片|相片)?)?(?=[，,。;；、！!？? ]|$)"
)
_ZH_RELATIVE_CLAUSE = later(
    rf"(?P<cue>{_ZH_CUE})(?P<what>[^{_ZH_STOP}的]{{1,{_ZH_RELATIVE + 1}}})的"
    rf"(?P<head>[^{_ZH_STOP}的]{{1,{_ZH_HEAD}}})(?=[，,。;；、！!？? ]|$)"
)
_ZH_BUT_FOR = later(
    rf"除了(?P<what>[^{_ZH_STOP}的]{{1,{_ZH_NAME}}}?)(?:以外|之外|外)?"
    rf"(?:的(?P<head>[^{_ZH_STOP}的]{{1,{_ZH_HEAD}}}))?(?=[，,。;；、！!？? ]|$)"
)
_ZH_BESIDES = later(r"还|還|也|又")
_ZH_LISTING = later(rf"(?:或者|或是|或|和|与|與|及|跟|、|也?{_ZH_CUE})")
_ZH_ARTICLE = later(r"^(?:任何|其他|别的|別的|一个|一個|穿着|穿著|穿|戴着|戴著|戴|拿着|拿著|有)")
_ZH_VERBS = later(r"[在骑騎坐站走跑跳爬看吃喝玩正着著把被]")


def _chinese_exclusions(text: str) -> tuple[str, list[Cut]]:
    """Return the rest of a text and what it excludes: 没有人的海滩, 不要卡通, 除了狗以外."""
    cuts: list[Cut] = []
    for pattern in (_ZH_BUT_FOR, _ZH_RELATIVE_CLAUSE, _ZH_CLOSING):
        while exclusion := _first_exclusion(pattern, text):
            match, names = exclusion
            head = match["head"] if "head" in match.groupdict() and match["head"] else ""
            cuts.append(_cut(match[0].removesuffix(head), names))
            text = f"{text[: match.start()]}{head}{text[match.end() :]}"
    return text.strip(_ZH_STOP), cuts


def _first_exclusion(pattern: re.Pattern[str], text: str) -> tuple[re.Match[str], list[str]] | None:
    idioms = [match.span() for match in _ZH_IDIOMS.finditer(text)]
    for match in pattern.finditer(text):
        place = match.start("cue") if "cue" in match.groupdict() else match.start()
        if any(start <= place < end for start, end in idioms):
            continue
        if pattern is _ZH_BUT_FOR and _ZH_BESIDES.search(text[match.start() :]):
            continue
        if names := _chinese_names(match["what"]):
            return match, names
    return None


def _chinese_names(text: str) -> list[str]:
    """Return the nouns of a text of a few characters; nothing when it holds more than nouns."""
    parts = [_ZH_ARTICLE.sub("", part.strip()) for part in _ZH_LISTING.split(text)]
    parts = [part for part in parts if part]
    if any(len(part) > _ZH_NAME or _ZH_VERBS.search(part) for part in parts):
        return []
    return parts if all(map(has_content, parts)) else []
