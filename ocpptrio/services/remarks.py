"""Why a charge point may refuse a command, as far as that is known: for the log and the record.

A remark changes nothing: the command goes out as it was asked for, since a profile may be wrong,
and another idTag or connector than the one asked for would surprise. Not here: the profiles
themselves (vendor_profiles).
"""

import re
import string
from typing import Final

from ocpptrio.protocol.actions import FeatureProfile, spec_of
from ocpptrio.protocol.core import ChangeAvailability, RemoteStartTransaction
from ocpptrio.protocol.datatypes import Message, Request, id_tag_key
from ocpptrio.session.state import SessionState
from ocpptrio.vendor_profiles import VendorProfile

# Those that SupportedFeatureProfiles speaks of (OCPP 1.6, 9.1); Core goes without saying.
_ANNOUNCED: Final = frozenset(FeatureProfile) - {FeatureProfile.CORE, FeatureProfile.SECURITY}
_HEX: Final = frozenset(string.hexdigits)


def remark(request: Request[Message], state: SessionState, profile: VendorProfile) -> str | None:
    """Why the charge point may refuse this, as far as that is known; None: nothing speaks for it.

    Args:
        profile: of its vendor.
    """
    match request:
        case RemoteStartTransaction(id_tag=id_tag):
            only = profile.remote_id_tag
            if only is not None and id_tag_key(id_tag) != id_tag_key(only):
                return f"{profile.name}: takes no idTag but {only} in a remote start"
            if profile.hex_id_tags_only and not _HEX.issuperset(id_tag):
                return f"{profile.name}: takes only idTags of hexadecimal digits"
        case ChangeAvailability(connector_id=0) if not profile.connector_zero_availability:
            return f"{profile.name}: knows no connector 0 here; ask for each of its connectors"
    return _unannounced(request, state, profile)


def _unannounced(
    request: Request[Message], state: SessionState, profile: VendorProfile
) -> str | None:
    """A hint and no gate: many announce less than they have, or nothing at all (Q55)."""
    needed = spec_of(request).profile
    announced = state.configuration.get("SupportedFeatureProfiles")
    if needed not in _ANNOUNCED or not (announced or "").strip():
        return None
    known = [*re.split(r"[\s,;]+", announced or ""), *profile.unannounced_feature_profiles]
    if needed.casefold() in {name.casefold() for name in known}:
        return None
    return f"its SupportedFeatureProfiles does not list {needed}"
