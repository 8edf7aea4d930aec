"""The 57 ways in which real charge points misbehave, for simulated ones to do the same.

`QUIRKS` has them by name. To add one, write a class beside those of its theme and name it here.
"""

from collections.abc import Iterable
from random import Random
from typing import Final

from ocpptrio.errors import ConfigError
from ocpptrio.simulator.quirks import (
    connection,
    framing,
    handshake,
    metering,
    operations,
    transactions,
    values,
)
from ocpptrio.simulator.quirks.quirk import Quirk, Quirks

QUIRKS: Final[dict[str, type[Quirk]]] = {
    f"q{quirk.number}": quirk
    for quirk in (
        handshake.NoSubprotocol,
        handshake.OddOffers,
        handshake.ChangingVersion,
        handshake.BrokenHttp,
        handshake.ReservedBits,
        handshake.EncodedIdentity,
        handshake.UrlInPath,
        handshake.EmptyIdentity,
        handshake.OddCredentials,
        handshake.UnknownIdentity,
        handshake.ReverseProxy,
        connection.HalfOpen,
        connection.NeverPongs,
        connection.LateHeartbeats,
        connection.Deaf,
        connection.BootLoop,
        connection.NoBoot,
        connection.Forgetful,
        connection.LateRedial,
        connection.PendingForEver,
        framing.SameIdAgain,
        framing.CounterIds,
        framing.Crossing,
        framing.LateAnswers,
        framing.OddErrors,
        framing.NumericIds,
        framing.InvalidJson,
        framing.ControlBytes,
        framing.OddFrames,
        framing.VendorActions,
        values.WrongLengths,
        values.OddUnits,
        values.WrongTypes,
        values.OddTimes,
        framing.StrictDates,
        framing.Slow,
        transactions.LostStartAnswer,
        transactions.StartsUnasked,
        transactions.WrongStopId,
        transactions.StrictIds,
        transactions.StopWithoutTag,
        metering.ValuesAfterStop,
        metering.StrayValues,
        metering.OtherRegister,
        transactions.CrashInTransaction,
        transactions.OfflineForDays,
        transactions.AllAtOnce,
        transactions.OddConnectors,
        transactions.StuckInFinishing,
        transactions.IdTagCase,
        transactions.GhostTransactions,
        operations.OddProfiles,
        operations.OddAvailability,
        operations.EmptyLists,
        operations.WrongFeatureProfiles,
        operations.FtpOnly,
        values.Markup,
    )
}

ALL: Final = "all"
RANDOM: Final = "random"
FEWEST, MOST = 3, 12  # of a random mix: in a fleet of fifty each quirk is there several times


def choose(names: Iterable[str], random: Random) -> Quirks:
    """Fresh quirks for one charge point.

    Args:
        names: `q1` to `q57`, in either case; `all`; or `random` for a mix of its own.

    Raises:
        ConfigError: there is no such quirk.
    """
    chosen: set[str] = set()
    for name in names:
        key = name.strip().lower()
        if key == ALL:
            chosen.update(QUIRKS)
        elif key == RANDOM:
            chosen.update(random.sample(list(QUIRKS), random.randint(FEWEST, MOST)))
        elif key in QUIRKS:
            chosen.add(key)
        else:
            raise ConfigError(
                f"quirk {name}: unknown; one of q1 to q{len(QUIRKS)}, all or random "
                "(ocpptrio simulate --list-quirks shows them)"
            )
    return Quirks(QUIRKS[name]() for name in chosen)


__all__ = ["ALL", "QUIRKS", "RANDOM", "Quirk", "Quirks", "choose"]
