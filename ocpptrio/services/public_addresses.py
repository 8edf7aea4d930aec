"""Connections to public addresses alone, for those who let others name where to connect to.

What a name leads to is looked up once, and that address is connected to: a name that leads
elsewhere a moment later gains nothing. Not here: HTTP (outbound).
"""

from collections.abc import Iterable
from ipaddress import ip_address

import httpcore2
import trio


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
        public = [address for address in addresses if is_public(address)]
        if not public:
            raise OSError(
                f"{host} is {', '.join(addresses)}, no public address; "
                "see [webhooks] private_addresses"
            )
        return await super().connect_tcp(public[0], port, timeout, local_address, socket_options)


def is_public(text: str) -> bool:
    """Whether an address may be anybody's on the internet."""
    address = ip_address(text.partition("%")[0])
    mapped = getattr(address, "ipv4_mapped", None) or getattr(address, "sixtofour", None)
    return address.is_global and not address.is_multicast and (mapped is None or mapped.is_global)
