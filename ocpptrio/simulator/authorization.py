"""May this idTag charge? From list, cache or central system, as the settings say (OCPP 1.6, 3.5).

Not here: list and cache themselves (local_auth_list), who presents an idTag where (charge_point).
"""

from collections.abc import Awaitable, Callable

from ocpptrio.errors import CallFailed, LocalProtocolError
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
        info = self._listed(id_tag)
        if info is None and self._caches:
            info = self.cache.get(id_tag)
        return info

    def _listed(self, id_tag: str) -> IdTagInfo | None:
        enabled = self._device.configuration.flag("LocalAuthListEnabled")
        return self.local_list.get(id_tag) if enabled else None

    @property
    def _caches(self) -> bool:
        return self._device.configuration.flag("AuthorizationCacheEnabled")

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
            except LocalProtocolError:
                return INVALID  # no idTag: longer than any can be
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
        if info.status is AuthorizationStatus.CONCURRENT_TX:
            return  # it is of the moment and says nothing about the idTag
        listed = self._listed(id_tag)
        if listed is None:
            if self._caches:
                self.cache.learn(id_tag, info)
        elif listed.status is not info.status:
            self._on_conflict()


def same_group(one: str | None, other: str | None) -> bool:
    """Whether two parentIdTags are the same; no group is not a group."""
    return one is not None and other is not None and id_tag_key(one) == id_tag_key(other)
