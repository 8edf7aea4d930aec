// Charge points as shown here: what the API told of each, and what events have changed since.

import { signal, useRef } from "./html.js";
import { since, useEvents, useSoon } from "./live.js";

const AGAIN_MS = 3000;

/** Kinds that change what a charge point shows. */
export const STATE_KINDS = [
  "Registered", "Edited", "Removed", "Connected", "Disconnected", "Booted", "RegistrationChanged", "StatusChanged",
  "TransactionStarted", "TransactionStopped", "TransactionSuperseded", "TransactionReconciled", "MeterValuesReceived",
  "OpenModeChanged", "ConditionRaised", "ConditionCleared", "ProvisioningChanged", "FirmwareStatusChanged",
];

/** Kinds after which a list is read again: who is there, and what of them no event tells. */
const LISTED = ["Registered", "Edited", "Removed"];

/**
 * The charge point after the event. One that changes nothing shown gives the same object.
 * @param {any} cp as in GET /charge-points
 * @param {any} event
 */
export function apply(cp, event) {
  switch (event.kind) {
    case "Connected":
      return { ...cp, connected: true, generation: event.generation, peer: event.peer, connected_at: event.at, last_seen_at: event.at };
    case "Disconnected":
      // The end of an older connection is told after the new one has taken its place (Q12).
      return event.generation < cp.generation ? cp : { ...cp, connected: false, last_seen_at: event.at };
    case "Booted":
      return { ...cp, vendor: event.vendor, model: event.model, firmware_version: event.firmware_version ?? cp.firmware_version, booted_at: event.at };
    case "RegistrationChanged":
      return { ...cp, registration: event.status };
    case "OpenModeChanged":
      return { ...cp, mode: event.mode, fixed_id_tag: event.fixed_id_tag ?? null, learning_ends_at: event.learning_ends_at ?? null };
    case "FirmwareStatusChanged":
      return { ...cp, firmware_status: event.status };
    case "StatusChanged":
      return event.outdated ? cp : withConnector(cp, event);
    case "TransactionStarted":
      return {
        ...cp,
        transactions: [
          ...others(cp, event),
          {
            transaction_id: event.transaction_id, connector_id: event.connector_id, id_tag: event.id_tag,
            started_at: event.started_at, meter_start_wh: event.meter_start_wh || null, power_w: null, energy_wh: 0, soc_percent: null,
          },
        ],
      };
    case "TransactionStopped":
    case "TransactionSuperseded":
      return { ...cp, transactions: others(cp, event) };
    case "TransactionReconciled":
      return event.conclusion === "ended" ? { ...cp, transactions: others(cp, event) } : cp;
    case "ConditionRaised":
      return {
        ...cp,
        conditions: [...otherConditions(cp, event), { kind: event.condition, connector_id: event.connector_id ?? 0, since: event.since, evidence: event.evidence }],
      };
    case "ConditionCleared":
      return { ...cp, conditions: otherConditions(cp, event) };
    case "MeterValuesReceived":
      return withReading(cp, event);
    default:
      return cp;
  }
}

const others = (cp, event) => cp.transactions.filter((one) => one.transaction_id !== event.transaction_id);

const otherConditions = (cp, event) => cp.conditions.filter((one) => one.kind !== event.condition || one.connector_id !== (event.connector_id ?? 0));

function withConnector(cp, event) {
  const before = cp.connectors.find((one) => one.connector_id === event.connector_id);
  const connector = {
    ...before,
    connector_id: event.connector_id, status: event.status, error_code: event.error_code, info: event.info ?? null,
    vendor_error_code: event.vendor_error_code ?? null, status_at: event.status_at,
    since: before && before.status === event.status ? before.since : event.at,
  };
  const connectors = [...cp.connectors.filter((one) => one !== before), connector];
  return { ...cp, connectors: connectors.sort((a, b) => a.connector_id - b.connector_id) };
}

function withReading(cp, event) {
  const measured = {};
  for (const name of ["power_w", "soc_percent", "current_a", "voltage_v", "temperature_c"]) {
    if (event[name] != null) measured[name] = event[name];
  }
  const transactions = cp.transactions.map((one) => {
    if (one.transaction_id !== event.transaction_id) return one;
    return { ...one, ...measured, ...energyOf(one, event) };
  });
  return { ...cp, last_seen_at: event.at, transactions };
}

/** The newest register of each transaction that the stream told: [number of the event, Wh]. */
const registers = new Map();
const REGISTERS_KEPT = 5000;

/** Transactions whose energy the API was asked for again and again, and does not know. */
const hopeless = new Set();
const asked = new Map();
const TRIES = 3;

function askedAgain(transactionId) {
  asked.set(transactionId, (asked.get(transactionId) ?? 0) + 1);
  if (asked.get(transactionId) >= TRIES) hopeless.add(transactionId);
}

// What the register went on by since the energy was known: how registers count oddly is the API's to judge, and
// until it has told the energy of a register, the last one that it told stays.
function energyOf(one, event) {
  if (event.energy_wh == null) return {};
  if (registers.size > REGISTERS_KEPT) registers.clear();
  registers.set(one.transaction_id, [event.number, event.energy_wh]);
  const begin = one.register_wh ?? one.meter_start_wh;
  const further = begin == null || one.energy_wh == null ? null : event.energy_wh - begin;
  if (further === null || further < 0) return { energy_behind: true, register_wh: null };
  return { energy_wh: one.energy_wh + further, register_wh: event.energy_wh, meter_start_wh: null };
}

/** As the API tells it, in the order that pages show; with the registers that its energies belong to. */
function normal(cp, number) {
  return {
    ...cp,
    connectors: [...cp.connectors].sort((a, b) => a.connector_id - b.connector_id),
    transactions: cp.transactions.map((one) => {
      const [at, wh] = registers.get(one.transaction_id) ?? [];
      return { ...one, register_wh: at !== undefined && at <= number ? wh : null };
    }),
  };
}

/**
 * The charge points of a snapshot as signals that events keep up to date: a row draws itself anew when its
 * charge point changes, and no other.
 * @param {any[]} items
 * @param {number|null|undefined} number of the newest event in the snapshot
 * @param {() => void} reload when events were missed
 * @param {string[]} [after] kinds of events after which it is read again
 */
export function useFleet(items, number, reload, after = LISTED) {
  const fleet = useRef(new Map()).current;
  const shown = useRef([]);
  if (shown.current !== items) {
    // Those that were here before another page of the list came are newer than that page: events have told of them.
    const before = new Set(shown.current);
    shown.current = items;
    const ids = new Set(items.map((item) => item.charge_point_id));
    const later = since(number);
    for (const item of items) {
      const id = item.charge_point_id;
      const known = fleet.get(id) ?? signal(null);
      if (!before.has(item)) known.value = later.reduce((cp, event) => (event.charge_point_id === id ? apply(cp, event) : cp), normal(item, number));
      fleet.delete(id); // so that they stand in the order of the list
      fleet.set(id, known);
    }
    for (const id of [...fleet.keys()]) if (!ids.has(id)) fleet.delete(id);
  }
  const again = useSoon(() => {
    for (const known of fleet.values()) {
      for (const one of known.value.transactions) if (one.energy_behind) askedAgain(one.transaction_id);
    }
    reload();
  }, AGAIN_MS);
  useEvents((events) => {
    let behind = false;
    for (const event of events) {
      behind ||= after.includes(event.kind);
      const known = fleet.get(event.charge_point_id);
      if (!known) continue;
      known.value = apply(known.value, event);
      behind ||= event.kind === "MeterValuesReceived" && known.value.transactions.some((one) => one.energy_behind && !hopeless.has(one.transaction_id));
    }
    if (behind) again();
  }, reload);
  return fleet;
}

/** What flows now; of one that is away, nobody knows. */
export function powerOf(cp) {
  return !cp.connected ? 0 : cp.transactions.reduce((sum, one) => sum + (one.power_w ?? 0), 0);
}
