"""The log line of each event that an operator wants to see as it happens.

Not here: lines about messages (witness), how lines look (observe).
"""

from collections.abc import Callable
from typing import Any, Final

import structlog

from ocpptrio.events import (
    AlertClosed,
    AlertOpened,
    AnyEvent,
    AuthorizationRefused,
    Booted,
    ConditionCleared,
    ConditionEscalated,
    ConditionRaised,
    Deviated,
    Event,
    Registered,
    ReviewOpened,
    SecurityEventReported,
    StopOrphaned,
    TagLearnt,
    TransactionReconciled,
    TransactionStarted,
    TransactionStopped,
    TransactionSuperseded,
    WebhookChanged,
    WebhookLagging,
)

log = structlog.get_logger("ocpptrio.messages")

# Event -> what happened, and what is told of it. Any: one kind of event each.
_Line = tuple[str, Callable[[Any], dict[str, object]]]

_INFO: Final[dict[type[Event], _Line]] = {
    Registered: ("registered", lambda e: {"origin": e.origin}),
    Booted: (
        "booted",
        lambda e: {
            "status": str(e.status),
            "model": f"{e.vendor} {e.model}",
            "firmware": e.firmware_version,
        },
    ),
    TransactionStarted: (
        "transaction started",
        lambda e: (
            {
                "transaction": e.transaction_id,
                "connector": e.connector_id,
                "id_tag": e.id_tag,
                "authorization": e.authorization,
            }
            | ({} if e.reason is None else {"reason": e.reason})
        ),
    ),
    AuthorizationRefused: (
        "not authorized",
        lambda e: {"id_tag": e.id_tag, "status": e.status, "reason": e.reason},
    ),
    TagLearnt: ("tag learnt", lambda e: {"id_tag": e.id_tag}),
    TransactionStopped: (
        "transaction stopped",
        lambda e: {
            "transaction": e.transaction_id,
            "energy_wh": e.energy_wh,
            "reason": e.reason,
        },
    ),
    TransactionReconciled: (
        "transaction reconciled",
        lambda e: {
            "transaction": e.transaction_id,
            "conclusion": str(e.conclusion),
            "confidence": str(e.confidence),
        },
    ),
    ConditionCleared: (
        "condition cleared",
        lambda e: {"condition": str(e.condition), "connector": e.connector_id},
    ),
    SecurityEventReported: ("security event", lambda e: {"type": e.type}),
    AlertClosed: (
        "alert is over",
        lambda e: {"alert": e.alert_id, "kind": str(e.alert), "connector": e.connector_id},
    ),
    WebhookChanged: (
        "webhook",
        lambda e: (
            {"webhook": e.webhook_id, "receiver": e.receiver, "change": e.change}
            | ({} if e.detail is None else {"detail": e.detail})
        ),
    ),
}
_WARNING: Final[dict[type[Event], _Line]] = {
    TransactionSuperseded: (
        "transaction ended without a stop",
        lambda e: {"transaction": e.transaction_id, "by": e.by_transaction_id},
    ),
    StopOrphaned: ("stop fits no transaction", lambda e: {"transaction": e.transaction_id}),
    Deviated: (
        "deviation",
        lambda e: {"action": e.action, "field": e.field, "kind": str(e.deviation)},
    ),
    ConditionRaised: (
        "condition raised",
        lambda e: {
            "condition": str(e.condition),
            "connector": e.connector_id,
            "evidence": e.evidence,
        },
    ),
    ConditionEscalated: (
        "condition escalated",
        lambda e: {
            "condition": str(e.condition),
            "connector": e.connector_id,
            "step": str(e.step),
        },
    ),
    AlertOpened: (
        "alert",
        lambda e: {
            "alert": e.alert_id,
            "kind": str(e.alert),
            "connector": e.connector_id,
            "detail": e.detail,
        },
    ),
    WebhookLagging: (
        "webhook loses events; see: ocpptrio webhooks list",
        lambda e: {"webhook": e.webhook_id, "receiver": e.receiver, "lost": e.lost_events},
    ),
    ReviewOpened: (
        "waits for a person: ocpptrio transactions review show",
        lambda e: {"review": e.review_id, "about": e.review},
    ),
}

_LINES: Final = {kind: ("info", *line) for kind, line in _INFO.items()} | {
    kind: ("warning", *line) for kind, line in _WARNING.items()
}


def announce(event: AnyEvent) -> None:
    """Log the event, if there is a line for its kind."""
    line = _LINES.get(type(event))
    if line is not None:
        level, text, fields = line
        getattr(log, level)(text, charge_point=event.charge_point_id, **fields(event))
