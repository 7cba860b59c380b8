"""The pictures that a query names, as people know them: by a name and a thumbnail."""

from __future__ import annotations

from dataclasses import dataclass

from django.urls import reverse
from django.utils.translation import gettext as _

from gallery import sensitive
from gallery.models import Photo, User
from search import language
from search.engine import sent_pictures
from search.language import QueryError, Term
from search.language.terms import MAX_TERMS


@dataclass(frozen=True)
class Picture:
    """What a picture is called, and the addresses of its thumbnail and its photo, if there are."""

    name: str = ""
    image: str = ""
    link: str = ""


def picture_of(user: User, term: Term) -> Picture | None:
    """Return the photo or the picture from outside that a term names; None if it is not there.

    A photo that is covered as sensitive comes without its thumbnail.
    """
    if term.kind == "picture":
        sent = sent_pictures.picture_of(user, term.value)
        return Picture(sent.name, reverse("sent-picture", args=[sent.pk])) if sent else None
    photo = Photo.objects.visible_to(user).filter(pk=term.photo_id).first()
    if photo is None:
        return None
    is_shown = photo.decoded_at is not None and photo.pk not in sensitive.veiled_photos(user)
    image = reverse("thumbnail", args=[photo.pk]) if is_shown else ""
    return Picture(photo.name, image, photo.get_absolute_url())


# --- in the search bar ----------------------------------------------------------------------------


@dataclass(frozen=True)
class Token:
    """A picture in the search bar: `text` is its term as it is typed, `label` says what it is."""

    text: str
    label: str
    image: str
    excluded: bool


@dataclass(frozen=True)
class Bar:
    """What the search bar holds: the pictures, and the text beside them."""

    text: str
    tokens: list[Token]


def bar_of(user: User, text: str) -> Bar:
    """Return what the bar holds for a query as it was typed; never raises."""
    try:
        words, terms = language.split_pictures(text)
    except QueryError:
        return Bar(text, [])
    if len(terms) > MAX_TERMS:
        return Bar(text, [])
    return Bar(words, [_token(user, term) for term in terms])


def _token(user: User, term: Term) -> Token:
    picture = picture_of(user, term)
    label, image = _label(term, picture), picture.image if picture else ""
    return Token(language.term_to_text(term), label, image, term.excluded)


def _label(term: Term, picture: Picture | None) -> str:
    if picture is None and term.kind == "picture":
        return _("A picture that is no longer kept")
    if picture is None:
        return _("A photo that is not in the gallery")
    name = picture.name or _("your picture")
    if term.kind == "part":
        text = _("unlike a part of %(name)s") if term.excluded else _("like a part of %(name)s")
    else:
        text = _("unlike %(name)s") if term.excluded else _("like %(name)s")
    return text % {"name": name}
