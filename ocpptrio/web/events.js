// Every kind of event with its words for people; the stream listens for exactly these kinds.

import { kw, kwh, plural } from "./format.js";

/** Kinds that come often and tell little one by one; the list of events leaves them out at first. */
export const FREQUENT = new Set(["MeterValuesReceived", "ClockMeasured", "ConfigurationReported"]);

/** Kinds that say that something is wrong, whatever their fields. */
const WRONG = new Set(["AttemptRefused", "SecurityEventReported", "ConditionRaised", "StopOrphaned", "AlertOpened", "WebhookLagging"]);

/** Security events that every charge point sends in its daily life. */
const USUAL = new Set(["StartupOfTheDevice", "ResetOrReboot", "SettingSystemTime", "FirmwareUpdated"]);

const connector = (event) => (event.connector_id ? `Connector ${event.connector_id}` : "Charge point");
const because = (text) => (text ? `: ${text}` : "");

/** @type {Record<string, (event: any) => string>} */
export const WORDS = {
  Registered: (e) => `Registered (${e.origin}), ${e.registration ?? "Accepted"}`,
  Edited: (e) => `Edited: ${(e.fields ?? []).join(", ")}`,
  Removed: () => "Removed",
  AttemptRefused: (e) => `Turned away from ${e.peer}: ${e.reason}`,
  Connected: (e) => `Connected from ${e.peer}`,
  Disconnected: (e) => `Disconnected${because(e.reason)}`,
  Booted: (e) => `${e.triggered ? "Sent a BootNotification on request" : "Booted"}: ${e.vendor} ${e.model}, answered ${e.status}`,
  RegistrationChanged: (e) => `Registration is now ${e.status}`,
  StatusChanged: (e) => `${connector(e)} ${e.outdated ? "was" : "is"} ${e.status}${e.error_code && e.error_code !== "NoError" ? ` (${e.error_code}${e.info ? `, ${e.info}` : ""})` : ""}`,
  TransactionStarted: (e) => `Transaction ${e.transaction_id} started on connector ${e.connector_id} by ${e.id_tag}: ${e.authorization}${because(e.reason)}`,
  TransactionStopped: (e) => `Transaction ${e.transaction_id} stopped (${e.reason}), ${e.energy_wh == null ? "energy not known" : kwh(e.energy_wh)}`,
  TransactionSuperseded: (e) => `Transaction ${e.transaction_id} is over: ${e.by_transaction_id} started after it`,
  TransactionReconciled: (e) => `Transaction ${e.transaction_id} is ${e.conclusion} (${e.confidence})`,
  TransactionEnergyChanged: (e) => `Transaction ${e.transaction_id} took ${kwh(e.energy_wh)} (${e.energy_source})`,
  StopOrphaned: (e) => `A stop for transaction ${e.transaction_id} fits none of ours`,
  OrphanStopResolved: (e) => `A stop that fitted nothing ${e.transaction_id == null ? "was dismissed" : `ended transaction ${e.transaction_id}`}`,
  ReviewOpened: (e) => `Waits for a person: ${e.review}${e.transaction_id ? `, transaction ${e.transaction_id}` : ""}`,
  ReviewResolved: (e) => `Review ${e.review_id} decided: ${e.decision}`,
  RegisterHabitNoted: (e) => `Its registers ${e.forgotten ? "no longer count" : "count"} oddly: ${e.habit}`,
  AuthorizationRefused: (e) => `${e.id_tag} was answered ${e.status}${because(e.reason)}`,
  TagLearnt: (e) => `Learnt idTag ${e.id_tag}`,
  BudgetSpent: (e) => `Budget of ${e.holder} for the ${e.period} is spent: transaction ${e.transaction_id} is asked to stop`,
  MeterValuesReceived: (e) => `Connector ${e.connector_id}: ${[e.power_w == null ? null : kw(e.power_w), e.energy_wh == null ? null : kwh(e.energy_wh), e.soc_percent == null ? null : `${e.soc_percent} %`].filter(Boolean).join(", ") || "meter values"}`,
  FirmwareStatusChanged: (e) => `Firmware: ${e.status}`,
  DiagnosticsStatusChanged: (e) => `Diagnostics: ${e.status}`,
  LogStatusChanged: (e) => `Log: ${e.status}`,
  SecurityEventReported: (e) => `Security event ${e.type}${because(e.tech_info)}`,
  CertificateRequested: () => "Asks for a certificate to be signed",
  DataTransferred: (e) => `DataTransfer ${e.vendor_id} ${e.message_id ?? ""}: ${e.status}`,
  CommandChanged: (e) => `${e.action} ${e.state}${e.effect && e.effect !== "none" ? `, effect ${e.effect}` : ""}`,
  TaskChanged: (e) => `Task ${e.task_id}, ${e.action} for ${plural(e.total, "charge point")}: ${e.state}`,
  ConfigurationReported: (e) => `Reported ${plural(Object.keys(e.keys ?? {}).length, "configuration key")}`,
  ConfigurationChanged: (e) => `${e.key} is now ${e.after ?? "not set"} (was ${e.before ?? "not set"})`,
  WantedConfigurationChanged: (e) => `Wanted configuration changed: ${(e.keys ?? []).join(", ")}`,
  ConfigurationRefreshRequested: () => "Configuration is to be read again",
  ProvisioningChanged: (e) => `Configuration: ${e.state}${because(e.detail)}`,
  OpenModeChanged: (e) => `Who may charge: ${e.mode}`,
  Deviated: (e) => `Deviates${e.action ? ` in ${[e.action, e.field].filter(Boolean).join(" ")}` : ""}: ${e.deviation}`,
  ConditionRaised: (e) => `${connector(e)}: ${e.condition}${because(e.evidence)}`,
  ConditionCleared: (e) => `${connector(e)}: no longer ${e.condition}`,
  ConditionEscalated: (e) => `${connector(e)}: ${e.condition}, step ${e.number} is ${e.step}`,
  WebhookChanged: (e) => `Webhook ${e.webhook_id} to ${e.receiver}: ${e.change}${because(e.detail)}`,
  WebhookLagging: (e) => `Webhook ${e.webhook_id} to ${e.receiver} falls behind${e.lost_events ? `: ${plural(e.lost_events, "event is", "events are")} lost` : ""}`,
  AlertOpened: (e) => `Alert, ${e.alert}${e.connector_id ? ` at connector ${e.connector_id}` : ""}${because(e.detail)}`,
  AlertClosed: (e) => `Alert is over: ${e.alert}`,
  AlertAcknowledged: (e) => `Alert acknowledged by ${e.by}: ${e.alert}`,
  ClockMeasured: (e) => `Clock is off by ${Math.round((e.skew_us ?? 0) / 1e6)} s`,
};

export const KINDS = Object.keys(WORDS);

/** The event in words. Kinds that this page does not know yet are named. */
export function words(event) {
  return WORDS[event.kind]?.(event) ?? event.kind;
}

export function isWrong(event) {
  return (WRONG.has(event.kind) && !USUAL.has(event.type))
    || (event.kind === "StatusChanged" && event.status === "Faulted")
    || (event.kind === "CommandChanged" && event.failed)
    || (event.kind === "WebhookChanged" && event.change === "failing")
    || (event.kind === "ProvisioningChanged" && event.state === "given up");
}

