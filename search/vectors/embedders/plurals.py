"""Singular and plural of English nouns, as well as rules and the common exceptions go."""

from __future__ import annotations


def _words(text: str) -> list[str]:
    return text.split()


_IRREGULAR = dict(
    pair.split("/")
    for pair in _words("""
    man/men woman/women child/children person/people mouse/mice goose/geese foot/feet tooth/teeth
    ox/oxen die/dice leaf/leaves wolf/wolves calf/calves half/halves shelf/shelves loaf/loaves
    thief/thieves scarf/scarves hoof/hooves elf/elves knife/knives wife/wives life/lives
    cactus/cacti fungus/fungi potato/potatoes tomato/tomatoes hero/heroes echo/echoes mango/mangoes
    movie/movies cookie/cookies pie/pies tie/ties shoe/shoes toe/toes canoe/canoes axe/axes
    bus/buses gas/gases cache/caches lens/lenses house/houses blouse/blouses
    selfie/selfies brownie/brownies hoodie/hoodies zombie/zombies smoothie/smoothies
    collie/collies magpie/magpies necktie/neckties prairie/prairies beanie/beanies budgie/budgies
    volcano/volcanoes mosquito/mosquitoes tornado/tornadoes domino/dominoes buffalo/buffaloes
    headache/headaches moustache/moustaches mustache/mustaches quiche/quiches
    avalanche/avalanches iris/irises quiz/quizzes dwarf/dwarves oasis/oases fuse/fuses
    """)
)
_SINGULAR = {many: one for one, many in _IRREGULAR.items()}
_COMPOUND = ("man", "woman", "child", "person")  # fireman, grandchild, salesperson
_NO_COMPOUND = frozenset(
    _words("""
    human german roman ottoman shaman talisman caiman doberman omen specimen abdomen cyclamen
    """)
)

_SAME = frozenset(
    _words("""
    sheep deer fish moose bison aircraft spacecraft series species
    sushi pasta ramen rice fries bread snow rain
    water grass sand food fog ice mud fire smoke hair clothing furniture jewelry luggage equipment
    sports jeans trousers pants shorts scissors glasses sunglasses goggles binoculars headphones
    stairs clothes pyjamas pajamas tights news mathematics gymnastics tennis chess football
    basketball baseball hockey golf nature night winter summer spring autumn christmas canvas atlas
    alps andes himalayas athens brussels dallas kansas naples paris texas vegas mars
    black white red green blue yellow pink orange purple brown grey gray
    """)
)
"""Words without another number, and those that are seldom said in it."""


def _is_no_noun(word: str) -> bool:
    """Return whether a word is a possessive, such as "dog's", or ends in no letter."""
    return "'" in word or not word[-1:].isalpha()


def singular(word: str) -> str:
    """Return a lower-case noun for one thing."""
    if word in _SAME or word in _IRREGULAR or _is_no_noun(word):
        return word
    if word in _SINGULAR:
        return _SINGULAR[word]
    for one in _COMPOUND:
        if word.endswith(many := _IRREGULAR[one]) and word not in _NO_COMPOUND:
            return word.removesuffix(many) + one
    if word.endswith("ies") and len(word) > 4:
        return word.removesuffix("ies") + "y"
    if word.endswith(("ches", "shes", "sses", "xes", "zzes")):
        return word.removesuffix("es")
    if word.endswith("uses") and not word.endswith("ouses"):  # walruses
        return word.removesuffix("es")
    if word.endswith("s") and len(word) > 3 and not word.endswith(("ss", "us", "is")):
        return word.removesuffix("s")
    return word


def plural(word: str) -> str:
    """Return a lower-case noun, given for one thing, for several."""
    if word in _SAME or word.endswith("ing") or _is_no_noun(word):
        return word
    if word in _IRREGULAR:
        return _IRREGULAR[word]
    for one in _COMPOUND:
        if word.endswith(one) and word not in _NO_COMPOUND:
            return word.removesuffix(one) + _IRREGULAR[one]
    if word.endswith("y") and word[-2:-1] not in {"", "a", "e", "i", "o", "u"}:
        return word.removesuffix("y") + "ies"
    return word + ("es" if word.endswith(("s", "x", "ch", "sh", "z")) else "s")
