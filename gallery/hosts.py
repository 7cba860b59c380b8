"""Which host names the gallery answers to, and what it says to the others.

A page of another site can be made to ask this server under that site's name (DNS rebinding), so
unknown names are refused. An IP address cannot be rebound: where the gallery listens on all
addresses, those are answered, as is the machine's own name.
"""

from __future__ import annotations

import ipaddress
import socket
from collections.abc import Callable
from contextlib import suppress
from functools import cache

from django.conf import settings
from django.http import HttpRequest, HttpResponseBase
from django.http.request import split_domain_port, validate_host
from django.shortcuts import render
from django.utils.translation import gettext as _

from gallery import env
from gallery.api.errors import API_PREFIX, error

_SHOWN = 100  # characters of a name that is refused


def known_hosts(
    get_response: Callable[[HttpRequest], HttpResponseBase],
) -> Callable[[HttpRequest], HttpResponseBase]:
    """Middleware: refuse host names that are not this gallery's, and say which setting to set."""

    def middleware(request: HttpRequest) -> HttpResponseBase:
        # Public `get_host` raises for the very names that are told here.
        host = request._get_raw_host()  # type: ignore[attr-defined]
        name = split_domain_port(host)[0]
        if is_known(name):
            return get_response(request)
        shown = (name or host)[:_SHOWN]
        told = _("This gallery does not know the name %(name)s. Set ALLOWED_HOSTS=%(name)s.")
        message = told % {"name": shown}
        if request.path.startswith(API_PREFIX):
            return error(400, "unknown_host", message)
        return render(request, "gallery/unknown_host.html", {"name": shown}, status=400)

    return middleware


def serve_on(host: str) -> None:
    """Answer to the names of a server that listens on `host`, as if HOST said so."""
    settings.LISTENS_EVERYWHERE = env.is_everywhere(host)
    if settings.LISTENS_EVERYWHERE:
        settings.ALLOWED_HOSTS = ["*"]
    else:
        settings.ALLOWED_HOSTS = settings.KNOWN_HOSTS = [*settings.KNOWN_HOSTS, host]


def is_known(name: str) -> bool:
    """Tell whether the gallery answers to a host name or address, without its port."""
    if not settings.LISTENS_EVERYWHERE:
        return validate_host(name, settings.ALLOWED_HOSTS)
    return (
        validate_host(name, settings.KNOWN_HOSTS)
        or _is_address(name)
        or name.rstrip(".") in own_names()
    )


def _is_address(name: str) -> bool:
    with suppress(ValueError):
        ipaddress.ip_address(name.strip("[]"))
        return True
    return False


@cache
def own_names() -> frozenset[str]:
    """Return the names that this machine has for itself and in its local network."""
    name = socket.gethostname().lower()
    short = name.split(".")[0]
    return frozenset({name, short, f"{short}.local", socket.getfqdn().lower()} - {""})


def own_addresses() -> list[str]:
    """Return the addresses at which others in the local network reach this machine, if any."""
    found = set()
    for family, target in ((socket.AF_INET, "192.0.2.1"), (socket.AF_INET6, "2001:db8::1")):
        # Nothing is sent: connecting a datagram socket only chooses the way out.
        with suppress(OSError), socket.socket(family, socket.SOCK_DGRAM) as way_out:
            way_out.connect((target, 9))
            found.add(way_out.getsockname()[0])
    return sorted(address for address in found if not ipaddress.ip_address(address).is_loopback)
