"""Feature profile Local Auth List Management: its messages (OCPP 1.6, 5.10, 5.15).

Not here: how the list is kept in step (services).
"""

from enum import StrEnum

from ocpptrio.protocol.datatypes import (
    IdTagInfo,
    IdToken,
    ListVersion,
    Message,
    Positive,
    Request,
)


class GetLocalListVersionResponse(Message, frozen=True, kw_only=True):
    """The version present."""

    list_version: ListVersion  # 0: the list is empty; -1: there are no local lists


class GetLocalListVersion(Request[GetLocalListVersionResponse], frozen=True):
    """Which version of the local authorization list is present? (OCPP 1.6, 5.10)."""


class AuthorizationData(Message, frozen=True, kw_only=True):
    """One entry of the local authorization list (OCPP 1.6, 7.1)."""

    id_tag: IdToken
    # Absent in a Differential update: delete the entry. In a Full one each entry has it.
    id_tag_info: IdTagInfo | None = None


class UpdateType(StrEnum):
    DIFFERENTIAL = "Differential"
    FULL = "Full"


class UpdateStatus(StrEnum):
    ACCEPTED = "Accepted"
    FAILED = "Failed"
    NOT_SUPPORTED = "NotSupported"
    VERSION_MISMATCH = "VersionMismatch"


class SendLocalListResponse(Message, frozen=True, kw_only=True):
    """Whether the list was taken over."""

    status: UpdateStatus


class SendLocalList(Request[SendLocalListResponse], frozen=True, kw_only=True):
    """Replace or change the local authorization list (OCPP 1.6, 5.15)."""

    list_version: Positive  # 0 and -1 have a meaning of their own in GetLocalListVersion
    local_authorization_list: tuple[AuthorizationData, ...] | None = None
    update_type: UpdateType
