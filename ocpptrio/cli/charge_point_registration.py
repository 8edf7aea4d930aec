"""`ocpptrio charge-points accept`, `hold` and `reject`: what BootNotifications are answered with.

A running daemon notices. Not here: whether one may connect at all (charge_points).
"""

from ocpptrio.cli.charge_point_views import known
from ocpptrio.cli.options import FROM_SETTINGS, Database, Flag
from ocpptrio.cli.output import FOR_PEOPLE, Output
from ocpptrio.clock import system_clock
from ocpptrio.presentation import public
from ocpptrio.protocol.core import RegistrationStatus
from ocpptrio.services.charge_points import Changes, change
from ocpptrio.store.driver import Db
from ocpptrio.store.records import ChargePointRecord


async def accept(
    charge_point_id: str, /, *, database: Database = FROM_SETTINGS, output: Output = FOR_PEOPLE
) -> None:
    """Accept a charge point that was held or rejected; one that waits is asked to boot.

    Args:
        charge_point_id: Its identity.
    """
    await _register(charge_point_id, RegistrationStatus.ACCEPTED, database, output)


async def hold(
    charge_point_id: str,
    /,
    *,
    until_configured: Flag = False,
    database: Database = FROM_SETTINGS,
    output: Output = FOR_PEOPLE,
) -> None:
    """Hold a charge point back: it may connect and be configured, but not charge.

    One that is connected hears of it when it boots next.

    Args:
        charge_point_id: Its identity.
        until_configured: Accept it as soon as all that is wanted of its configuration is applied;
            else when you do.
    """
    await _register(
        charge_point_id,
        RegistrationStatus.PENDING,
        database,
        output,
        until_configured=until_configured,
    )


async def reject(
    charge_point_id: str, /, *, database: Database = FROM_SETTINGS, output: Output = FOR_PEOPLE
) -> None:
    """Reject a charge point: it may connect, and nothing more.

    Args:
        charge_point_id: Its identity.
    """
    await _register(charge_point_id, RegistrationStatus.REJECTED, database, output)


async def _register(
    charge_point_id: str,
    status: RegistrationStatus,
    database: Database,
    output: Output,
    *,
    until_configured: bool = False,
) -> None:
    def work(db: Db) -> ChargePointRecord:
        known(db, charge_point_id)
        changes = Changes(registration=status, until_configured=until_configured)
        return change(db, charge_point_id, changes, system_clock())

    record = await database.write(work)
    sentence = f"{charge_point_id} is {status} now"
    if until_configured:
        sentence += ", until its wanted configuration is applied"
    output.done(sentence, public(record))
