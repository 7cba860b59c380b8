"""Words that announce exclusions, and words that only look like it.

English, German, French and Spanish share one list, because a query does not say which language it
is in and often mixes them.
"""

from __future__ import annotations

import re

from search.language.patterns import later


def _set(words: str) -> frozenset[str]:
    return frozenset(words.split())


# Ambiguous, since "not on the grass" may also negate a whole sentence.
_NOT_AT = r"""
    not\s(?:on|in|at|near|with|under|inside|by) | nicht\s(?:auf|in|im|am|an|bei|mit|unter|vor)
  | pas\s(?:sur|dans|en|à|au|avec) | no\s(?:en|con|sobre)
"""
# Longer cues come first, so that "there are no" is not read as "no". Those in AMBIGUOUS count in
# fewer places.
CUES = rf"""
    with(?=\s(?:nobody|no[\s-]one)\b)
  | (?:(?:where|that|which)\s)?(?:there\s(?:is|are)|there['’]s)\s(?:no|not\sany)
  | (?:(?:is|are)\s)?(?:wearing|having|showing|has|have|with)\s(?:no|not\sany)
  | (?:(?:who|that|which)\s)?(?:(?:is|are)\s)?not\s(?:wearing|holding|carrying|having|showing)
  | (?:is\s|are\s)?(?:empty|free|devoid)\sof | lacking | w/o | instead\sof
  | rather\sthan | neither(?=\s.*\snor\s) | weder(?=\s.*\snoch\s)
  | (?:without|excluding|minus|not\sany|except(?:\sfor)?|other\sthan|apart\sfrom)
  | (?:please\s)?(?:i\s)?(?:do\snot|don['’]t)\s(?:show|include|want)(?:\s(?:me|to\ssee))?
  | (?:auf\s(?:dem|der|denen)|wo|in\sde[mnr]en?)\skeine?
  | (?:ohne|ausser|außer|ausgenommen|keine[nmrs]?|kein|anstatt|statt)
  | (?:où\s|qu['’])?(?:il\s)?n['’]y\sa\s(?:pas|plus)(?:\s(?:de|d['’]une?)|(?=\sd['’]))
  | sans(?:\saucune?)?
  | (?:qui|que)\s(?:n['’]est|n['’]a|ne\s(?:sont|soi(?:en)?t))\spas(?:\s(?:de|un|une)|(?=\sd['’]))?
  | au\slieu\sd[eu] | plutôt\squ(?:e|['’](?=\S)) | ni(?=\s.*\sni\s) | en\svez\sde | nada\sde
  | pas\s(?:de|du|des|les?|la) | pas(?=\sd['’]) | sauf | excepté | hormis | aucune?
  | (?:donde\s|en\s(?:(?:el|la|los|las)\s)?que\s|que\s)?no\s(?:hay|haya|tiene|tienen|tenga|tengan
      |lleva|llevan|salen|salga|salgan|aparece|aparecen|aparezca|aparezcan|quiero|sean?)
  | que\sno\s(?:es|son|esté|estén)
  | sin(?:\sque\s(?:haya|salga|salgan))? | excepto | salvo | menos
  | {_NOT_AT}
  | no | not | nicht | pas
"""
AMBIGUOUS = later(  # Of the Spanish verbs only short ones: "no hay", "no tiene".
    rf"no(?:\s\w{{1,6}})? | not | nicht | pas(?:\sdu)? | menos | salvo | minus | {_NOT_AT}",
    re.VERBOSE,
)
NEED_SOMETHING_BEFORE = _set("not nicht pas menos salvo minus except excepto sauf")
MEASURE = later(
    r"""\W?\d|.*\b(?:degrees?|deg|celsius|centigrade|fahrenheit|kelvin|grad|grados?|degrés?|percent
        |prozent|pour\scent|por\sciento|dioptri\w+|diopters?|dioptres?|dioptrías?)\b|.*[°º%]""",
    re.VERBOSE | re.IGNORECASE,
)
"""What makes a "minus" before it the sign of a number: "minus twenty degrees"."""
INDEFINITE_ARTICLE = later(r"(?:an?|any|eine?n?|une?)\s", re.IGNORECASE)
"""What must follow a "not" that opens the query: "not a dog"."""
WITH_PLACE = later(
    r"""(?P<what>.+?)\s(?:on|in|at|along|auf|im|am|an|sur|dans|à|au|en)
        (?:\sde[mnr])?\s(?P<where>.+)""",
    re.VERBOSE | re.IGNORECASE,
)
LACK = later(
    r"no|without|with\sno|.*there\s.*|ohne|keine?|sin|sans|pas\sde|.*n['’]y\sa\spas.*|no\shay",
    re.IGNORECASE,
)
"""Cues that may open a query and name a place without something: "no people on the beach"."""
PEOPLE = {
    "nobody": "people", "no one": "people", "no-one": "people", "anyone": "people",
    "anybody": "people", "nadie": "gente", "alguien": "gente", "jemand": "Menschen",
    "jemanden": "Menschen",
}  # fmt: skip
"""Words for nobody and somebody, and the noun to use instead."""
ALL_BUT_THESE = later(r"^(?:any|every)thing\sbut\s(?!not\s)", re.IGNORECASE)
ALL_BUT = _set(
    "except excepto sauf excepté hormis außer ausser ausgenommen salvo menos apart other"
)
CONJUNCTIONS = "but|and|yet|though|aber|und|doch|sondern|y|pero|sino|et|mais"
BREAKS = "but|yet|aber|sondern|pero|sino|mais"

_CUE = rf"(?:(?:{CONJUNCTIONS})\s(?:show\s)?)?(?P<cue>{CUES})(?=\s|$)"
CUE = later(rf"(?<!\S)(?:{_CUE})", re.VERBOSE | re.IGNORECASE)

# Visible things and set phrases that exclude nothing.
IDIOMS = later(
    r"""\b(?:
      no\s(?:\S+\s){0,2}(?:signs?|signboards?|symbols?|stickers?|logos?|zones?|areas?|banners?
        |posters?|labels?|placards?|emojis?|policy|photography)
    | no[\s-]+(?:entry|exit|parking|smoking|trespassing|stopping|u-?\s?turns?|admittance|access
        |vacancy|service|return|fly\szone|idea|one|matter|longer|doubt|way|problem|worries|name
        |man['’]?s\sland|hands|limits?|comment|filter|stress|thanks?|fear|mercy|regrets?|country
        |brainer|show|go|time\sto|pain|music|evil|contest|new\scoal|makeup\smakeup|wonder
        |longer|where|thing|pasar[aá]n|body)
    | free\sof\scharge | no\s\S+ing | no\.?\s?\d+
    | no\s\S+\s(?:allowed|required|needed|inside|ahead)
    | without\s(?:a\s(?:doubt|cause|trace|care|hitch|paddle)|borders?|end|fail|warning|question
        |you|me|limits?|exception|permission)
    | not\s(?:in|on|at|with|by)\s(?:use|focus|frame|view|sight|service|order|time|purpose|place
        |position|motion|home|work|rest|all|least|once|me|you|us|it)
    | (?:not\s(?:yet|now|today|only|just|so|even|much|sure|guilty|found|available|far))
    | (?:other\sthan\sthat)
    | sin\s(?:cit(?:y|ies)|eater|taxe?s?|bin|waves?|curves?|cos|embargo|duda|salida|fin|fronteras
        |hogar|techo|título|titulo|gluten|parar|querer|ti|mí|límites?|l[ií]mite|filtro|filtros)
    | (?:seven|deadly|original|cardinal|mortal)\ssin
    | sans[\s-]+(?:serif|souci|culottes?|abris?|papiers|doute|fil|issue|fin|contact|fronti[eè]res
        |titre|gluten|toi|moi|filtre|ms)
    | (?:comic|open|source|noto|pt|fira|dm|gill)\ssans
    | ohne\s(?:zweifel|ende|grenzen|titel|worte|dich|mich|gewähr|filter)
    | kein(?:e|en)?\s(?:problem|zutritt|eingang|ausgang|durchgang|durchfahrt|parkplatz|ahnung|ort
        |einfahrt|trinkwasser)
    | pas[\s-]de[\s-](?:deux|calais|porte|trois|quatre|problème|souci)
    | au\spas | faux\spas | pas\s(?:encore|mal|si|très|à\spas) | pas\s?,?\spas
    | por\slo\smenos | al\smenos | más\so\smenos | m[aá]s\smenos | menos\smal
    | no\s(?:parking|smoking)
    | (?:or|and)\snot\sto\b | yes\s(?:or|and)?\s?no | no\s(?:or|and)\syes
    | nicht\s(?:nur|mehr|so|sehr|weit|wahr)
    | no\s(?:fumar|pasar|estacionar|aparcar|entrar|molestar|s[oó]lo|todo|muy|más|mas|s[eé])
    )\b""",
    re.VERBOSE | re.IGNORECASE,
)

# Pairs that are one thing although joined by "and".
PAIRS = later(
    r"\b(?:black\sand\swhite|blanco\sy\snegro|noir\set\sblanc|schwarz\sund\swei(?:ß|ss)"
    r"|salt\sand\spepper|bed\sand\sbreakfast|rock\sand\sroll|mac\sand\scheese"
    r"|fish\sand\schips|bride\sand\sgroom|blanco\snegro)\b",
    re.IGNORECASE,
)

DETERMINERS = later(
    r"""(?:any|the|an?|some|visible|other|single|my|your
      | eine?[nmrs]? | de[rnms] | d(?:ie|as) | irgendwelche[nr]? | andere[nr]? | jegliche[nr]?
      | une? | des? | du | les? | la | aucune? | autres?
      | una | unos | unas | el | l[oa]s | ning[uú]n[oa]? | otr[oa]s? | nada\sde
      | no | ni)\s+ | (?:d|l|qu)['’]""",
    re.VERBOSE | re.IGNORECASE,
)
INDEFINITE = _set("a an some the ein eine einen un une una unos unas el la los las der die das")

# Words after the name of an exclusion that add nothing to it.
TRAILERS = later(
    r"""\s+(?:
      (?:in|on|around|near)\s(?:it|them|him|her|there|sight|view)
    | in\s(?:the\s|my\s)?(?:background|foreground|picture|photo|image|frame|shot|scene|view|way)
    | on\s(?:the\s)?(?:picture|photo|image) | on | at\sall | please | visible | showing | there
    | anywhere | around | whatsoever | nearby | present
    | im\s(?:hintergrund|vordergrund|bild) | auf\sdem\s(?:bild|foto) | drauf | darauf | darin
    | zu\ssehen(?:\s(?:ist|sind))? | sind | ist | bitte | sichtbar
    | dessus | dedans | visibles? | à\sl['’](?:arrière-plan|horizon|image) | au\sfond
    | en\sarrière-plan | (?:dans|sur)\s(?:le\scadre|la\sphoto|l['’]image) | autour
    | s['’]il\s(?:te|vous)\spla[iî]t
    | (?:en\sel|al|de)\sfondo | en\sla\s(?:foto|imagen) | por\sfavor | alrededor | a\sla\svista
    )$""",
    re.VERBOSE | re.IGNORECASE,
)

LISTING = later(
    r"\s+(?:or|nor|oder|noch|ou|ni|o|u)\s+|\s*(?:/|&)\s+|\s+(?P<and>and|und|et|y|e)\s+"
    r"|\s*,\s*(?:(?:or|and|oder|und|ou|et|o|y)\s+)?",
    re.IGNORECASE,
)

# A short noun phrase has none of these words: where one appears, the sentence continues.
FUNCTION_WORDS = _set(
    """
    anything everything nothing something nichts alles etwas nada todo algo rien tout
    is are was were be been being am has have had do does did can could will would should to in
    on at by with from into onto over under near behind beside between through across along
    against toward towards while who whom that which whose where when as than then so because for
    if his her hers its their theirs he she it they i you we me him them us this these those
    until during after before up down off out about not no without very quite really exactly
    stands sits runs jumps walks rides climbs holds plays looks stares swims lies rests eats drinks
    poses leaps smiles watches skateboards skates sleeps swings flies throws catches kicks
    ist sind war waren hat haben wird werden am im in an auf unter über vor hinter neben mit von
    zu bei durch für aus nach um der die das den dem er sie es ich du wir ihr mich dich mir dir
    steht sitzt läuft geht klettert spielt springt fährt liegt schläft nicht ohne kein keine
    est sont a ont était dans sur sous avec pour par en au aux à qui que dont où chez devant
    derrière il elle ils elles je tu nous vous toi moi lui court marche saute grimpe joue dort
    pas sans
    es son está están era hay en con por para sobre bajo que quien donde desde hasta tras entre
    ante corre salta camina juega duerme escala él ella ellos yo tú ti mí nosotros sin
    """
)
# Nouns of one language that are verbs in another. They may end a noun phrase.
NOUNS_TOO = _set("hat war court")
# Nouns that end like an English participle.
ING_NOUNS = _set(
    """
    building buildings clothing lightning painting paintings ceiling railing ring rings string
    strings king wing wings swing swings thing things spring morning evening writing lettering
    awning awnings wedding weddings railings parking scaffolding lighting drawing drawings
    earring earrings sibling siblings bedding pudding dressing icing viking vikings
    """
)
BEFORE_NOT = _set(
    """
    is are was were be am do does did has have had can could will would should must may might to
    it's isn't he she it they i you we that who which one ones
    ist sind war hat haben kann soll darf wird es er sie
    est sont ne n' était il elle on
    es son está están que
    """
)
"""Words after which "not" negates a verb."""
BEFORE_NO = BEFORE_NOT | _set(
    """a an the this that his her its says saying said say reads reading hear speak see yes
    dr mr nein el la un una"""
)
"""Words after which "no" belongs to a name, a set phrase or a sign."""

# "sin" is a possessive in Scandinavian languages, "no" means "in the" in Portuguese.
NORDIC = _set("och og på av till är ett från hans hennes mann kvinne hund katt jente gutt med")
PORTUGUESE = _set(
    "um uma do da dos das com em na nas ao pelo homem mulher menino menina cachorro gato praia e é"
)

# Words that may be left over beside an exclusion and say nothing about what a photo shows.
GENERIC = _set(
    """photo photos picture pictures pic pics image images photograph photographs everything
    anything all foto fotos bild bilder alles aufnahmen photographie photographies tout toutes
    imagen imágenes todo todas"""
) | {
    "all photos", "all pictures", "alle fotos", "alle bilder", "toutes les photos",
    "todas las fotos", "photos taken", "my photos", "meine fotos", "mes photos", "mis fotos",
    "照片", "图片", "圖片", "照片里", "照片中", "图片里", "图片中", "所有照片", "的照片",
}  # fmt: skip
