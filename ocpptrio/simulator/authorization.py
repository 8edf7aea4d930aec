"""May this idTag charge? From list, cache or central system, as the settings say (OCPP 1.6, 3.5).

Not here: list and cache themselves (local_auth_list), who presents an idTag where (charge_point).
"""

from collections.abc import Awaitable, Callable

from ocpptrio.errors import CallFailed
from ocpptrio.protocol.core import Authorize, AuthorizeResponse
from ocpptrio.protocol.datatypes import AuthorizationStatus, IdTagInfo, id_tag_key
from ocpptrio.simulator.device import Device
from ocpptrio.simulator.local_auth_list import AuthorizationCache, LocalAuthList, is_accepted

Ask = Callable[[Authorize], Awaitable[AuthorizeResponse]]

ACCEPTED = IdTagInfo(status=AuthorizationStatus.ACCEPTED)
INVALID = IdTagInfo(status=AuthorizationStatus.INVALID)


class Authorizer:
    """See the module. `on_conflict` is called when the central system contradicts the list."""

    def __init__(self, device: Device, on_conflict: Callable[[], None]) -> None:
        self._device = device
        self._on_conflict = on_conflict
        self.local_list = LocalAuthList()
        self.cache = AuthorizationCache()

    def known(self, id_tag: str) -> IdTagInfo | None:
        """What list or cache say; the list goes first (OCPP 1.6, 3.5.3)."""
        configuration = self._device.configuration
        info = None
        if configuration.flag("LocalAuthListEnabled"):
            info = self.local_list.get(id_tag)
        if info is None and configuration.flag("AuthorizationCacheEnabled"):
            info = self.cache.get(id_tag)
        return info

    async def authorize(self, id_tag: str, ask: Ask | None) -> IdTagInfo:
        """The verdict; `ask` is None while offline."""
        configuration = self._device.configuration
        known = self.known(id_tag)
        accepted = known is not None and is_accepted(known, self._device.clock.now_us())
        if ask is not None:
            if accepted and known is not None and configuration.flag("LocalPreAuthorize"):
                return known
            try:
                info = (await ask(Authorize(id_tag=id_tag))).id_tag_info
            except CallFailed:
                pass  # then it is as good as offline
            else:
                self.learn(id_tag, info)
                return info
        if accepted and known is not None and configuration.flag("LocalAuthorizeOffline"):
            return known
        if known is None and configuration.flag("AllowOfflineTxForUnknownId"):
            return ACCEPTED
        return INVALID

    def learn(self, id_tag: str, info: IdTagInfo) -> None:
        """Every verdict of the central system goes into the cache (OCPP 1.6, 3.5.1)."""
        listed = self.local_list.get(id_tag)
        if listed is None:
            # ConcurrentTx is of the moment and says nothing about the idTag.
            if info.status is not AuthorizationStatus.CONCURRENT_TX:
                self.cache.learn(id_tag, info)
        elif listed.status is not info.status:
            self._on_conflict()


def same_group(one: str | None, other: str | None) -> bool:
    """Whether two parentIdTags are the same; no group is not a group."""
    return one is not None and other is not None and id_tag_key(one) == id_tag_key(other)
