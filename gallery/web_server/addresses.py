"""Which addresses count as one client."""

from __future__ import annotations

import ipaddress


def neighbourhood(address: str) -> str:
    """Return what one client can choose its addresses from: in IPv6, a network of 64 bits."""
    network = _network(address)
    return address if network is None else str(network)


def first_of_neighbourhood(address: str) -> str:
    """Return an address that stands for all that one client can choose from."""
    network = _network(address)
    return address if network is None else str(getattr(network, "network_address", network))


def _network(
    address: str,
) -> ipaddress.IPv4Address | ipaddress.IPv6Network | None:
    try:
        parsed = ipaddress.ip_address(address.partition("%")[0])
    except ValueError:
        return None
    if isinstance(parsed, ipaddress.IPv4Address):
        return parsed
    return parsed.ipv4_mapped or ipaddress.IPv6Network((parsed, 64), strict=False)
