"""Which layers stand around the decoder children of this machine, in words for people."""

from __future__ import annotations

from dataclasses import dataclass

from django.utils.translation import gettext_lazy as _

from gallery.decoders import web_decoders
from gallery.decoding import PoolBusy, PoolClosed
from gallery.decoding.answers import LAYERS
from gallery.decoding.children import known_layers

TITLES = {
    "no_new_privileges": _("No program gives it more rights"),
    "not_traceable": _("Processes of its user cannot look into it"),
    "no_capabilities": _("It has no rights of root"),
    "landlock_files": _("Landlock: it can open no file"),
    "landlock_network": _("Landlock: it can open no connection"),
    "landlock_scope": _("Landlock: it can send no signal to other processes"),
    "seccomp": _("seccomp: it can make no dangerous system call"),
}


@dataclass(frozen=True)
class Layers:
    """The names of the layers that hold around a child, and of those that the kernel lacks."""

    held: tuple[str, ...]

    @property
    def missing(self) -> tuple[str, ...]:
        """The layers that do not hold."""
        return tuple(name for name in LAYERS if name not in self.held)

    @property
    def missing_titles(self) -> list[str]:
        """What the layers that do not hold would do."""
        return [str(TITLES[name]) for name in self.missing]

    @property
    def count(self) -> int:
        """How many layers there could be."""
        return len(LAYERS)


def known() -> Layers | None:
    """Return the layers, as the last child of this process said; None if it started none yet."""
    held = known_layers()
    return None if held is None else Layers(held)


def current() -> Layers | None:
    """Return the layers, as a child says that may be started for it; None if none can be."""
    try:
        return Layers(web_decoders(None).layers())
    except (PoolBusy, PoolClosed):
        return None
