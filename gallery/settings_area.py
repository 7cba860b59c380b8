"""The settings: the pages that belong to them, what each is for, and who finds it in the list."""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum
from functools import cache
from typing import Any

from django.http import HttpRequest
from django.urls import reverse
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from gallery.administrators import is_administrator
from gallery.permissions import is_viewer


class Whom(IntEnum):
    """Who finds a page in the list: each also finds the pages of those before."""

    EVERYBODY = 0
    MEMBERS = 1
    ADMINISTRATORS = 2


@dataclass(frozen=True)
class Page:
    """A page of the settings. `name` is that of its address; what lies below that belongs to it.

    `also` names another address that does.
    """

    name: str
    title: Promise
    about: Promise
    whom: Whom = Whom.ADMINISTRATORS
    also: str = ""


@dataclass(frozen=True)
class Part:
    """Pages that stand together in the list."""

    title: Promise
    pages: tuple[Page, ...]


AREA = (
    Part(
        _("You"),
        (
            Page(
                "account",
                _("Account"),
                _("How you sign in, where you are signed in, and what may act in your name."),
                Whom.EVERYBODY,
            ),
            Page(
                "appearance",
                _("Appearance"),
                _("How Scry looks in this browser, whoever signs in."),
                Whom.EVERYBODY,
            ),
            Page(
                "storage",
                _("Storage and quotas"),
                _("How much space photos take, and how much is left."),
                Whom.MEMBERS,
            ),
            Page(
                "jobs",
                _("Background work"),
                _("What Scry is doing, how long it still takes, and what failed."),
                Whom.MEMBERS,
            ),
            Page(
                "problems",
                _("Problems"),
                _("Photos that search cannot find, or that are damaged, and what you can do."),
                Whom.MEMBERS,
                also="originals",
            ),
        ),
    ),
    Part(
        _("Gallery"),
        (
            Page(
                "settings",
                _("Search quality"),
                _("The model decides what search finds, in which languages, and how fast."),
                Whom.MEMBERS,
            ),
            Page(
                "people",
                _("People"),
                _("Owners look after accounts. They see no photos of others."),
            ),
            Page(
                "import-folders",
                _("Import folders"),
                _("Folders of the server whose photos Scry shows, or takes in."),
            ),
            Page(
                "workers",
                _("Workers and devices"),
                _("The processes that do the work, where they compute, and why there."),
            ),
            Page(
                "backups",
                _("Backups"),
                _("Copies of the whole gallery, so that a broken disk loses nothing."),
            ),
        ),
    ),
)


def here(request: HttpRequest) -> Page | None:
    """Return the page of the settings that is open, or None."""
    for address, page in _addresses():
        if request.path_info == address or request.path_info.startswith(f"{address}/"):
            return page
    return None


@cache
def _addresses() -> list[tuple[str, Page]]:
    """Return the pages by their addresses, the longest first."""
    pages = [page for part in AREA for page in part.pages]
    named = [(name, page) for page in pages for name in (page.name, page.also) if name]
    return sorted(((reverse(name), page) for name, page in named), key=lambda row: -len(row[0]))


def area_of(request: HttpRequest) -> tuple[Part, ...]:
    """Return the list of settings as whoever asks finds it."""
    whom = _whom(request.user)
    parts = (
        Part(part.title, tuple(page for page in part.pages if page.whom <= whom)) for part in AREA
    )
    return tuple(part for part in parts if part.pages)


def _whom(user: Any) -> Whom:
    if is_viewer(user):
        return Whom.EVERYBODY
    return Whom.ADMINISTRATORS if is_administrator(user) else Whom.MEMBERS
