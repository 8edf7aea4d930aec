"""Request -> handler: every CALL that a charge point may send, one visible line each."""

from ocpptrio.protocol import core, firmware, security
from ocpptrio.protocol.datatypes import Message, Request
from ocpptrio.services.authorization import AuthorizationService
from ocpptrio.services.data_transfer import DataTransferService
from ocpptrio.services.incoming import Handler
from ocpptrio.services.metering import MeteringService
from ocpptrio.services.notifications import NotificationService
from ocpptrio.services.registration import RegistrationService
from ocpptrio.services.security import SecurityService
from ocpptrio.services.status import StatusService
from ocpptrio.services.transactions import TransactionService

HandlerTable = dict[type[Request[Message]], Handler]


def handler_table(
    registration: RegistrationService,
    authorization: AuthorizationService,
    transactions: TransactionService,
    metering: MeteringService,
    status: StatusService,
    data_transfer: DataTransferService,
    notifications: NotificationService,
    security_service: SecurityService,
) -> HandlerTable:
    """The table of a central system; an embedder may put other handlers into it."""
    return {
        core.Authorize: authorization.authorize,
        core.BootNotification: registration.boot,
        core.DataTransfer: data_transfer.transfer,
        core.Heartbeat: registration.heartbeat,
        core.MeterValues: metering.record,
        core.StartTransaction: transactions.start,
        core.StatusNotification: status.notify,
        core.StopTransaction: transactions.stop,
        firmware.DiagnosticsStatusNotification: notifications.diagnostics,
        firmware.FirmwareStatusNotification: notifications.firmware,
        security.LogStatusNotification: notifications.log,
        security.SecurityEventNotification: security_service.event,
        security.SignCertificate: security_service.sign_certificate,
        security.SignedFirmwareStatusNotification: notifications.signed_firmware,
    }
