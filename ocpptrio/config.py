"""Settings: all that can be set, with each default, unit and reason, as frozen structs.

The sample `config.toml` at the top of the repository shows each key; a test holds the two together.
Not here: where values come from (config_sources).
"""

from datetime import UTC, tzinfo
from enum import StrEnum
from ipaddress import ip_network
from typing import Annotated, Final
from urllib.parse import urlsplit
from zoneinfo import ZoneInfo

import msgspec
from msgspec import Meta

SHORTEST_SECRET: Final = 16  # characters of what is signed with

Seconds = Annotated[float, Meta(gt=0)]
Count = Annotated[int, Meta(ge=1)]
Days = Annotated[int, Meta(ge=1)]
Limit = Annotated[float, Meta(ge=0)]  # s; 0: none
Secret = Annotated[str, Meta(extra={"secret": True})]  # not shown, whoever asks
PerHour = Annotated[int, Meta(ge=0, le=100)]  # 0: no limit; no more are remembered


class UnknownChargePoints(StrEnum):
    """What happens to a charge point that connects and is not registered."""

    LOOPBACK = "loopback"  # registered if it connects from this machine, else refused
    ACCEPT = "accept"  # registered, from anywhere
    REJECT = "reject"  # refused, and listed for an operator to adopt


class UnknownFields(StrEnum):
    """What happens to a message with a field that the specification does not have."""

    IGNORE = "ignore"  # the field is dropped and noted as a deviation
    REJECT = "reject"  # the message is answered with FormationViolation


class Step(StrEnum):
    """What the watchdog may do about a condition."""

    RECONNECT = "reconnect"  # close the connection with 1011; the charge point comes back
    TRIGGER = "trigger"  # TriggerMessage: StatusNotification, MeterValues or Heartbeat
    SOFT_RESET = "soft-reset"


class OnSpent(StrEnum):
    """What happens to a transaction while which a budget of its idTag is spent."""

    FINISH = "finish"  # it goes on
    STOP = "stop"  # the charge point is asked to stop it


class Fallback(StrEnum):
    """What an idTag is answered when the external authorizer does not."""

    LOCAL = "local"  # what the list of tags says
    ACCEPT = "accept"
    REJECT = "reject"


class AlertKind(StrEnum):
    """What people can be told of. Most are conditions that the watchdog raises, by their names."""

    OFFLINE = "offline"
    FAULTED = "faulted"  # a connector says so, or the charge point
    SECURITY_EVENT = "security event"
    STUCK_PREPARING = "stuck in Preparing"
    STUCK_FINISHING = "stuck in Finishing"
    FAILING_WEBHOOK = "failing webhook"
    NO_ANSWER = "no answer"
    WRONG_CLOCK = "wrong clock"
    NO_METER_VALUES = "no meter values"
    LONG_TRANSACTION = "long transaction"
    BOOT_LOOP = "boot loop"
    RECONNECTS = "reconnects"


class MailSecurity(StrEnum):
    STARTTLS = "starttls"  # begins in the clear, refused if the server cannot
    TLS = "tls"  # from the first byte
    NONE = "none"


class LogFormat(StrEnum):
    TEXT = "text"
    JSON = "json"


class LogLevel(StrEnum):
    DEBUG = "DEBUG"
    INFO = "INFO"
    WARN = "WARN"
    ERROR = "ERROR"


class _Section(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    pass


def _check_networks(networks: tuple[str, ...]) -> None:
    for network in networks:
        try:
            ip_network(network)
        except ValueError as error:
            raise ValueError(f"trusted_proxies: {error}") from None


def _check_url(key: str, url: str) -> None:
    if url and not url.startswith(("http://", "https://")):
        raise ValueError(f"{key}: expected http:// or https://")


def _check_broker(url: str) -> None:
    if not url:
        return
    try:
        parts = urlsplit(url)
        host, _ = parts.hostname, parts.port  # a port that is none raises
    except ValueError as error:
        raise ValueError(f"url: no URL: {error}") from None
    if parts.scheme not in ("mqtt", "mqtts") or not host:
        raise ValueError("url: expected mqtt://host or mqtts://host, with :port if need be")
    if parts.username is not None or parts.password is not None:
        raise ValueError("url: name no user and password in it; there are keys for them")
    if parts.path.strip("/") or parts.query or parts.fragment:
        raise ValueError("url: nothing comes after host and port; topics begin with prefix")


def _zone(name: str) -> tzinfo:
    return UTC if name == "UTC" else ZoneInfo(name)


def _check_zone(name: str) -> None:
    try:
        _zone(name)
    except (LookupError, ValueError, OSError):
        raise ValueError(
            "time_zone: expected a name such as Europe/Berlin that this machine knows "
            "(else: pip install tzdata)"
        ) from None


class OcppSettings(_Section, frozen=True, kw_only=True):
    """[ocpp]: the listener for charge points, and how they are treated."""

    enabled: bool = True
    host: str = "127.0.0.1"
    port: Annotated[int, Meta(ge=0, le=65535)] = 8080  # 0: any free port
    # A charge point appends "/" and its identity to one of these.
    paths: Annotated[tuple[str, ...], Meta(min_length=1)] = ("/ocpp", "/ocpp/1.6")
    heartbeat_interval: Count = 300  # s
    # s without any traffic after which we ping, with a tenth to spare: common proxies cut at 60 s.
    connection_timeout: Annotated[float, Meta(ge=5)] = 60
    ping: bool = True
    call_timeout: Seconds = 30  # s; mobile links are slow
    retry_interval: Count = 60  # s between BootNotifications of one that is not accepted yet
    boot_grace: Annotated[float, Meta(ge=0)] = 10  # s that commands wait for a BootNotification
    handshake_timeout: Seconds = 10  # s from TCP connection to WebSocket
    max_handshakes: Count = 256  # at a time; more wait in the kernel's queue
    max_connections_per_address: Count = 1000  # loopback and trusted proxies are exempt
    max_message_bytes: Annotated[int, Meta(ge=65_536)] = 1_048_576
    drain_timeout: Seconds = 10  # s for outstanding answers when the daemon stops
    unknown_charge_points: UnknownChargePoints = UnknownChargePoints.LOOPBACK
    require_password: bool = False  # refuse charge points that have none set
    any_user_name: bool = False  # HTTP Basic: the password is enough
    require_subprotocol: bool = False  # refuse charge points that do not offer ocpp1.6
    unknown_fields: UnknownFields = UnknownFields.IGNORE
    trusted_proxies: tuple[str, ...] = ()  # networks whose X-Forwarded-For we believe

    def __post_init__(self) -> None:
        for path in self.paths:
            if not path.startswith("/") or (path.endswith("/") and path != "/"):
                raise ValueError(f"paths: {path!r} must start with / and not end with it")
        _check_networks(self.trusted_proxies)


class ApiSettings(_Section, frozen=True, kw_only=True):
    """[api]: the listener for people and programs: dashboard, REST API, live events."""

    enabled: bool = True
    host: str = "127.0.0.1"
    port: Annotated[int, Meta(ge=0, le=65535)] = 8081  # 0: any free port
    # As people reach it, through a proxy: https://ocpp.example.com; "": as it listens. For links,
    # and so that cookies are kept to TLS.
    public_url: str = ""
    dashboard: bool = True
    login_days: Days = 14  # without a visit, until a browser has to log in again
    open_metrics: bool = False  # /metrics without a token
    max_streams: Count = 100  # of live events at a time
    trusted_proxies: tuple[str, ...] = ()  # networks whose X-Forwarded-For we believe

    def __post_init__(self) -> None:
        _check_url("public_url", self.public_url)
        _check_networks(self.trusted_proxies)


class AuthorizationSettings(_Section, frozen=True, kw_only=True):
    """[authorization]: who may charge."""

    max_concurrent_transactions: Count = 1  # per idTag without a limit of its own
    time_zone: str = "UTC"  # of times of the week, and of the days and months of budgets
    # h that a charge point may remember that an idTag is accepted; 0: for ever
    cache_hours: Annotated[float, Meta(ge=0)] = 0
    on_spent: OnSpent = OnSpent.FINISH
    url: str = ""  # of the external authorizer; "": nobody else is asked
    token: Secret = ""  # sent to it: Authorization: Bearer
    timeout: Seconds = 5  # s that it has; charge points do not wait for ever
    fallback: Fallback = Fallback.LOCAL

    def __post_init__(self) -> None:
        _check_url("url", self.url)
        if not (self.token.isascii() and self.token.isprintable()):
            raise ValueError("token: expected visible ASCII characters")
        _check_zone(self.time_zone)

    @property
    def zone(self) -> tzinfo:
        return _zone(self.time_zone)

    @property
    def remember_us(self) -> int | None:
        """`cache_hours` in microseconds; None: for ever."""
        return round(self.cache_hours * 3_600_000_000) or None


class CommandSettings(_Section, frozen=True, kw_only=True):
    """[commands]: what is asked of charge points that may not be there."""

    expiry: Seconds = 86_400  # s that a command waits for its charge point, if nothing else is said
    # One with a single connector that rejects ChangeAvailability of 0 is asked for connector 1.
    availability_by_connector: bool = True


class StoreSettings(_Section, frozen=True, kw_only=True):
    """[store]: the database."""

    # From the directory the process runs in; ":memory:" keeps nothing.
    path: Annotated[str, Meta(min_length=1)] = "ocpptrio.db"


class RetentionSettings(_Section, frozen=True, kw_only=True):
    """[retention]: how long what grows is kept. Transactions are kept for ever."""

    journal_days: Days = 14
    journal_megabytes: Count = 1024
    events_days: Days = 90
    meter_readings_days: Days = 400
    rollups_days: Days = 3650  # readings by the quarter of an hour
    commands_days: Days = 400  # from when it was settled
    security_events_days: Days = 730
    reviews_days: Days = 730  # and orphaned stops, from when they were resolved
    audit_days: Days = 730


class TransactionSettings(_Section, frozen=True, kw_only=True):
    """[transactions]: when one that no stop ended is taken to be over."""

    # s that a connector is Available after a reboot, without a value of the transaction.
    conclude_after: Seconds = 900
    # s after a reboot, until what is not proved over waits for a person.
    review_after: Seconds = 86_400


class JournalSettings(_Section, frozen=True, kw_only=True):
    """[journal]: the record of every message, secrets redacted."""

    enabled: bool = True


class WatchdogSettings(_Section, frozen=True, kw_only=True):
    """[watchdog]: when something is wrong with a charge point, and what is done about it.

    A limit of 0 switches its rule off. Steps are taken in order, a pause apart; none: it is
    reported, nothing else.
    """

    enabled: bool = True
    interval: Seconds = 10  # s between looks at all charge points
    unanswered_calls: PerHour = 3  # in a row (Q15)
    preparing_limit: Limit = 3600  # s; a car that waits for its driver's tag is no fault
    finishing_limit: Limit = 43_200  # s; cars stay overnight (Q49)
    clock_limit: Limit = 60  # s that a clock may be off
    # s without values of a transaction, where MeterValueSampleInterval is not known.
    meter_values_limit: Limit = 1800
    transaction_limit: Limit = 172_800  # s
    offline_limit: Limit = 3600  # s
    boots_per_hour: PerHour = 6
    connections_per_hour: PerHour = 30
    # It costs a socket that is good for nothing, and no message (Q15).
    no_answer_steps: tuple[Step, ...] = (Step.RECONNECT,)
    stuck_connector_steps: tuple[Step, ...] = ()
    no_meter_values_steps: tuple[Step, ...] = ()
    clock_steps: tuple[Step, ...] = ()
    step_pause: Seconds = 600  # s between steps at one charge point
    steps_per_day: Count = 6  # at one charge point: whatever keeps coming back is a person's task
    steps_per_minute: Count = 10  # at all charge points: a fleet is not reset at once
    reset_while_charging: bool = False


class LogSettings(_Section, frozen=True, kw_only=True):
    """[log]: lines on standard error."""

    level: LogLevel = LogLevel.INFO
    format: LogFormat = LogFormat.TEXT


class ObservabilitySettings(_Section, frozen=True, kw_only=True):
    """[observability]: what others see of this process, beside its metrics."""

    tracing: bool = False  # spans for OpenTelemetry; needs the extra "otel"


class ProvisioningSettings(_Section, frozen=True, kw_only=True):
    """[provisioning]: how charge points get their wanted configuration."""

    enabled: bool = True  # nothing is sent where nothing is wanted
    hold_new: bool = False  # new ones stay Pending until what is wanted of them is applied
    delay: Annotated[float, Meta(ge=0)] = 5  # s after a boot or a reconnect; they are busy then
    attempts: Count = 3  # writes of a value, and rounds that get no answer, before we give up
    retry_interval: Seconds = 60  # s before the second attempt; doubled for each further one
    shorten_measurands: bool = True  # a list that is rejected is tried without its last item
    reset_when_idle: bool = False  # reset for RebootRequired, when no transaction runs

    def __post_init__(self) -> None:
        if self.hold_new and not self.enabled:
            raise ValueError("hold_new: nobody would ever be accepted while enabled is false")


class VendorProfileSettings(_Section, frozen=True, kw_only=True):
    """[vendor_profiles]: what is known of makes of charge points."""

    directory: str = ""  # of *.toml files that come before the shipped profiles; "": none


class WebhookSettings(_Section, frozen=True, kw_only=True):
    """[webhooks]: how events are delivered; where to, `ocpptrio webhooks` says."""

    timeout: Seconds = 10  # s for a receiver to answer
    private_addresses: bool = True  # of this machine and its network, too


class AlertSettings(_Section, frozen=True, kw_only=True):
    """[alerts]: what people are told of, how, and when they are left in peace."""

    kinds: tuple[AlertKind, ...] = (
        AlertKind.OFFLINE,
        AlertKind.FAULTED,
        AlertKind.SECURITY_EVENT,
        AlertKind.STUCK_PREPARING,
        AlertKind.STUCK_FINISHING,
        AlertKind.FAILING_WEBHOOK,
        AlertKind.NO_ANSWER,
        AlertKind.BOOT_LOOP,
    )
    # Those that the security white paper calls critical, but for what every boot brings:
    # StartupOfTheDevice, ResetOrReboot, SettingSystemTime.
    security_events: tuple[str, ...] = (
        "FirmwareUpdated",
        "SecurityLogWasCleared",
        "MemoryExhaustion",
        "TamperDetectionActivated",
    )
    smtp_host: str = ""  # "": no mail
    smtp_port: Annotated[int, Meta(ge=1, le=65535)] = 587
    smtp_security: MailSecurity = MailSecurity.STARTTLS
    smtp_user: str = ""  # "": without login
    smtp_password: Secret = ""
    mail_from: str = ""
    mail_to: tuple[str, ...] = ()
    webhook_url: str = ""  # "": none
    webhook_secret: Secret = ""  # to sign with
    quiet_hours: str = ""  # as of tags: "22:00-07:00", "Mon-Fri 20:00-06:00; Sat,Sun 00:00-24:00"
    time_zone: str = "UTC"  # of the quiet hours, and of the times in mails
    urgent_kinds: tuple[AlertKind, ...] = ()  # that are told in quiet hours, too
    pause: Seconds = 600  # s between two messages; what happens meanwhile comes in one
    settle: Annotated[float, Meta(ge=0)] = 600  # s; what comes again sooner was never over

    def __post_init__(self) -> None:
        _check_zone(self.time_zone)
        _check_url("webhook_url", self.webhook_url)
        if self.smtp_host and not (self.mail_from and self.mail_to):
            raise ValueError("smtp_host: mails need mail_from and mail_to, too")
        if self.webhook_url and len(self.webhook_secret) < SHORTEST_SECRET:
            raise ValueError(
                "webhook_url: needs a webhook_secret of at least "
                f"{SHORTEST_SECRET} characters, to sign with"
            )

    @property
    def zone(self) -> tzinfo:
        return _zone(self.time_zone)


class MqttSettings(_Section, frozen=True, kw_only=True):
    """[mqtt]: events, and the state of charge points, for an MQTT broker."""

    url: str = ""  # mqtt://host:1883, or mqtts:// for TLS; "": off; needs the extra "mqtt"
    user: str = ""  # "": without login
    password: Secret = ""
    # One for each daemon: a broker ends a connection when another comes with the same.
    client_id: Annotated[str, Meta(min_length=1)] = "ocpptrio"
    prefix: Annotated[str, Meta(min_length=1)] = "ocpptrio"  # all topics begin with it and a slash
    kinds: tuple[str, ...] = ()  # of events; none named: all
    retain_status: bool = True  # topics that hold what is now, for those who subscribe later

    def __post_init__(self) -> None:
        _check_broker(self.url)
        if self.password and not self.user:
            raise ValueError("password: needs a user, too")
        if set(self.prefix) & set("+#\0") or self.prefix[0] in "/$" or self.prefix[-1] == "/":
            raise ValueError("prefix: expected no + or #, no / at its ends and no $ before it")


class Settings(_Section, frozen=True, kw_only=True):
    """Everything that can be set. `Settings()` is all defaults."""

    ocpp: OcppSettings = OcppSettings()
    api: ApiSettings = ApiSettings()
    authorization: AuthorizationSettings = AuthorizationSettings()
    provisioning: ProvisioningSettings = ProvisioningSettings()
    vendor_profiles: VendorProfileSettings = VendorProfileSettings()
    store: StoreSettings = StoreSettings()
    retention: RetentionSettings = RetentionSettings()
    transactions: TransactionSettings = TransactionSettings()
    journal: JournalSettings = JournalSettings()
    log: LogSettings = LogSettings()
    watchdog: WatchdogSettings = WatchdogSettings()
    commands: CommandSettings = CommandSettings()
    observability: ObservabilitySettings = ObservabilitySettings()
    webhooks: WebhookSettings = WebhookSettings()
    alerts: AlertSettings = AlertSettings()
    mqtt: MqttSettings = MqttSettings()


# Keys whose values are not shown.
SECRETS: Final = frozenset(
    (section, field.name)
    for section in Settings.__struct_fields__
    for field in msgspec.structs.fields(type(getattr(Settings(), section)))
    if field.type == Secret
)
