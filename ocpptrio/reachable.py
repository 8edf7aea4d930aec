"""What people enter into a charge point: where our listener can be reached from elsewhere.

Not here: the listener itself, names and proxies in front of it.
"""

import fcntl
import os
import socket
import struct
import sys
from collections.abc import Iterable
from ipaddress import ip_address
from typing import Final

from ocpptrio.config import OcppSettings

_SIOCGIFADDR: Final = 0x8915  # Linux: the IPv4 address of an interface


def urls(ocpp: OcppSettings, addresses: Iterable[tuple[str, int]]) -> list[str]:
    """What a charge point is told to connect to, up to its identity."""
    path = ocpp.paths[0].rstrip("/") + "/"
    return [
        f"ws://[{host}]:{port}{path}" if ":" in host else f"ws://{host}:{port}{path}"
        for bound, port in addresses
        for host in _reachable(bound)
    ]


def _reachable(bound: str) -> list[str]:
    """The addresses that a wildcard stands for, as far as we can tell; others as they are."""
    if not ip_address(bound.partition("%")[0]).is_unspecified:
        return [bound]
    found = _outward_address(bound)
    if ":" not in bound and sys.platform == "linux":
        found += _interface_addresses()
    return list(dict.fromkeys(found)) or [os.uname().nodename]


def _outward_address(bound: str) -> list[str]:
    """The address from which this machine would speak to the world; nothing is sent."""
    family, far = (
        (socket.AF_INET6, "2001:db8::1") if ":" in bound else (socket.AF_INET, "192.0.2.1")
    )
    try:
        with socket.socket(family, socket.SOCK_DGRAM) as probe:
            probe.connect((far, 9))
            return [probe.getsockname()[0]]
    except OSError:
        return []


def _interface_addresses() -> list[str]:
    """One IPv4 address of each interface that is no loopback."""
    found = []
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        for _index, name in socket.if_nameindex():
            try:
                answer = fcntl.ioctl(probe, _SIOCGIFADDR, struct.pack("256s", name.encode()))
            except OSError:
                continue  # it has none
            address = socket.inet_ntoa(answer[20:24])
            if not ip_address(address).is_loopback:
                found.append(address)
    return found
