"""The local authorization list and the authorization cache of a charge point (OCPP 1.6, 3.5).

Not here: when they are asked, and when the central system is (authorization).
"""

from collections.abc import Sequence
from typing import Final

from ocpptrio.clock import to_us
from ocpptrio.protocol.datatypes import AuthorizationStatus, IdTagInfo, id_tag_key
from ocpptrio.protocol.local_auth_list import AuthorizationData, UpdateStatus, UpdateType

CACHE_SIZE: Final = 500  # idTags; the one not heard of for longest goes first


class LocalAuthList:
    """What the central system sent with SendLocalList; nothing else changes it."""

    def __init__(self) -> None:
        self.version = 0
        self._entries: dict[str, IdTagInfo] = {}

    def __len__(self) -> int:
        return len(self._entries)

    def get(self, id_tag: str) -> IdTagInfo | None:
        return self._entries.get(id_tag_key(id_tag))

    def update(
        self, kind: UpdateType, version: int, data: Sequence[AuthorizationData], max_length: int
    ) -> UpdateStatus:
        """Take over a list or changes to it; on anything but Accepted nothing has changed."""
        keys = [id_tag_key(entry.id_tag) for entry in data]
        if len(set(keys)) < len(keys):
            return UpdateStatus.FAILED
        if kind is UpdateType.FULL:
            if any(entry.id_tag_info is None for entry in data):
                return UpdateStatus.FAILED
            entries: dict[str, IdTagInfo] = {}
        else:
            if version <= self.version:
                return UpdateStatus.VERSION_MISMATCH
            entries = dict(self._entries)
        for key, entry in zip(keys, data, strict=True):
            if entry.id_tag_info is None:
                entries.pop(key, None)
            else:
                entries[key] = entry.id_tag_info
        if len(entries) > max_length:
            return UpdateStatus.FAILED
        self._entries, self.version = entries, version if entries else 0
        return UpdateStatus.ACCEPTED


class AuthorizationCache:
    """The last verdict of the central system on each idTag."""

    def __init__(self) -> None:
        self._entries: dict[str, IdTagInfo] = {}

    def __len__(self) -> int:
        return len(self._entries)

    def get(self, id_tag: str) -> IdTagInfo | None:
        return self._entries.get(id_tag_key(id_tag))

    def learn(self, id_tag: str, info: IdTagInfo) -> None:
        key = id_tag_key(id_tag)
        self._entries.pop(key, None)
        self._entries[key] = info
        if len(self._entries) > CACHE_SIZE:
            del self._entries[next(iter(self._entries))]

    def clear(self) -> None:
        self._entries.clear()


def is_accepted(info: IdTagInfo, now_us: int) -> bool:
    """Whether an entry of list or cache lets the idTag charge now."""
    if info.status is not AuthorizationStatus.ACCEPTED:
        return False
    return info.expiry_date is None or to_us(info.expiry_date) > now_us
