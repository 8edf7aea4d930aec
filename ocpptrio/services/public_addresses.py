"""Connections to public addresses alone, for those who let others name where to connect to.

What a name leads to is looked up once, and that address is connected to: a name that leads
elsewhere a moment later gains nothing. Not here: HTTP (outbound).
"""

from collections.abc import Iterable
from ipaddress import IPv4Address, IPv6Address, IPv6Network, ip_address
from typing import Final

import httpcore2
import trio

_NAT64: Final = IPv6Network("64:ff9b::/96")  # IPv4 as a network of IPv6 alone sees it (RFC 6052)


class PublicAddresses(httpcore2.TrioBackend):
    """As its base, but refuses loopback, private, link-local and other special addresses."""

    async def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,  # noqa: ASYNC109 - as its base has it
        local_address: str | None = None,
        socket_options: Iterable[httpcore2.SOCKET_OPTION] | None = None,
    ) -> httpcore2.AsyncNetworkStream:
        found = await trio.socket.getaddrinfo(host, port, type=trio.socket.SOCK_STREAM)
        addresses = [str(address[0]) for _, _, _, _, address in found]
        failure: Exception = OSError(
            f"{host} is {', '.join(addresses)}, no public address; see [webhooks] private_addresses"
        )
        for address in filter(is_public, addresses):
            try:
                return await super().connect_tcp(
                    address, port, timeout, local_address, socket_options
                )
            except httpcore2.ConnectError as error:  # an IPv6 address where there is no IPv6
                failure = error
        raise failure


def is_public(text: str) -> bool:
    """Whether an address may be anybody's on the internet."""
    address = ip_address(text.partition("%")[0])
    if isinstance(address, IPv6Address):
        within = address.ipv4_mapped or address.sixtofour
        if address in _NAT64:
            within = IPv4Address(int(address) & 0xFFFF_FFFF)
        if within is not None:
            return is_public(str(within))
        if address.is_site_local:
            return False
    return address.is_global and not (address.is_multicast or address.is_reserved)
