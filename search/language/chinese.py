"""Exclusions in Chinese, which has no blanks: 但没有人, 没有人的海滩, 不要卡通, 除了狗以外."""

from __future__ import annotations

import re

from search.language.scanner import says_something

MAX_NAMED = 6
"""Characters of what one exclusion names."""
MAX_RELATIVE = 4
"""Characters between 没有 and 的: longer ones have a verb and say something of their own."""
MAX_HEAD = 6
"""Characters of what follows that 的."""

_STOP = "，,。;；、！!？? "
_CUE = (
    r"(?:没有任何|沒有任何|没有|沒有|不要有|不要|不包括|不包含|不含|不带|不帶|不是|排除"
    r"|没|沒|无|無)"
)
_CONJUNCTION = r"(?:但是|但|却|卻|可是|而且|而|也|又|并且|並且|里面|裡面)?"
# 有没有 asks whether there is any, 无人机 is a drone: these exclude nothing.
_IDIOMS = re.compile(
    r"有[没沒]有|[没沒]有?(?:问题|問題|关系|關係|事|办法|辦法|想到|错|錯|用|法|收|落)|[无無]人[机機区區店车車驾駕]"
    r"|[无無](?!人)|不是[说說]|不要(?:脸|臉|紧|緊)|[没沒]有?[你我他她](?!们)|[出沉埋淹吞隐隱][没沒]"
)
_CLOSING = re.compile(
    rf"[{_STOP}]*{_CONJUNCTION}(?P<cue>{_CUE})(?P<what>[^{_STOP}的]{{1,{2 * MAX_NAMED}}})"
    rf"(?:的(?:照片|图片|圖片|相片)?)?(?=[，,。;；、！!？? ]|$)"
)
_RELATIVE = re.compile(
    rf"(?P<cue>{_CUE})(?P<what>[^{_STOP}的]{{1,{MAX_RELATIVE + 1}}})的"
    rf"(?P<head>[^{_STOP}的]{{1,{MAX_HEAD}}})(?=[，,。;；、！!？? ]|$)"
)
_BUT_FOR = re.compile(
    rf"除了(?P<what>[^{_STOP}的]{{1,{MAX_NAMED}}}?)(?:以外|之外|外)?"
    rf"(?:的(?P<head>[^{_STOP}的]{{1,{MAX_HEAD}}}))?(?=[，,。;；、！!？? ]|$)"
)
_BESIDES = re.compile(r"还|還|也|又")
_LISTED = re.compile(rf"(?:或者|或是|或|和|与|與|及|跟|、|也?{_CUE})")
_ARTICLE = re.compile(r"^(?:任何|其他|别的|別的|一个|一個|穿着|穿著|穿|戴着|戴著|戴|拿着|拿著|有)")
_VERBS = re.compile(r"[在骑騎坐站走跑跳爬看吃喝玩正着著把被]")


def exclusions(text: str) -> tuple[str, list[str]]:
    """Return what is left of a text and what it excludes, in order."""
    found: list[tuple[int, list[str]]] = []
    for pattern in (_BUT_FOR, _RELATIVE, _CLOSING):
        while read := _first(pattern, text):
            match, named = read
            found.append((match.start(), named))
            head = match["head"] if "head" in match.groupdict() and match["head"] else ""
            text = f"{text[: match.start()]}{head}{text[match.end() :]}"
    return text.strip(_STOP), [name for _, named in found for name in named]


def _first(pattern: re.Pattern[str], text: str) -> tuple[re.Match[str], list[str]] | None:
    idioms = [match.span() for match in _IDIOMS.finditer(text)]
    for match in pattern.finditer(text):
        place = match.start("cue") if "cue" in match.groupdict() else match.start()
        if any(start <= place < end for start, end in idioms):
            continue
        if pattern is _BUT_FOR and _BESIDES.search(text[match.start() :]):
            continue
        if named := _named(match["what"]):
            return match, named
    return None


def _named(what: str) -> list[str]:
    """Return what a text of a few characters names; nothing when it is more than nouns."""
    parts = [_ARTICLE.sub("", part.strip()) for part in _LISTED.split(what)]
    parts = [part for part in parts if part]
    good = all(
        len(part) <= MAX_NAMED and says_something(part) and not _VERBS.search(part)
        for part in parts
    )
    return parts if good else []
