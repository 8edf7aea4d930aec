// Charge points as shown here: what the API told of each, and what events have changed since.

import { signal, useEffect, useRef } from "./html.js";
import { since, useEvents } from "./live.js";

/** Kinds that change what a charge point shows. */
export const STATE_KINDS = [
  "Registered", "Edited", "Removed", "Connected", "Disconnected", "Booted", "RegistrationChanged", "StatusChanged",
  "TransactionStarted", "TransactionStopped", "TransactionSuperseded", "TransactionReconciled", "MeterValuesReceived",
  "OpenModeChanged", "ConditionRaised", "ConditionCleared", "ProvisioningChanged", "FirmwareStatusChanged",
];

/**
 * The charge point after the event. One that changes nothing shown gives the same object.
 * @param {any} cp as in GET /charge-points
 * @param {any} event
 */
export function apply(cp, event) {
  switch (event.kind) {
    case "Connected":
      return { ...cp, connected: true, peer: event.peer, connected_at: event.at, last_seen_at: event.at };
    case "Disconnected":
      return { ...cp, connected: false, last_seen_at: event.at };
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
            started_at: event.started_at, meter_start_wh: event.meter_start_wh, power_w: null, energy_wh: 0, soc_percent: null,
          },
        ],
      };
    case "TransactionStopped":
    case "TransactionSuperseded":
      return { ...cp, transactions: others(cp, event) };
    case "TransactionReconciled":
      return event.conclusion === "ended" ? { ...cp, transactions: others(cp, event) } : cp;
    case "MeterValuesReceived":
      return withReading(cp, event);
    default:
      return cp;
  }
}

const others = (cp, event) => cp.transactions.filter((one) => one.transaction_id !== event.transaction_id);

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
    const energy_wh = energyOf(one, event);
    return { ...one, ...measured, energy_wh };
  });
  return { ...cp, last_seen_at: event.at, transactions };
}

// What the register went on by since the last known energy: right whatever the register began with.
function energyOf(one, event) {
  if (event.energy_wh == null) return one.energy_wh;
  if (one.register_wh != null && event.energy_wh >= one.register_wh && one.energy_wh != null) {
    one.energy_wh += event.energy_wh - one.register_wh;
  } else if (one.meter_start_wh != null && event.energy_wh >= one.meter_start_wh) {
    one.energy_wh = event.energy_wh - one.meter_start_wh;
  }
  one.register_wh = event.energy_wh;
  return one.energy_wh;
}

/** As the API tells it, with nothing missing that pages rely upon. */
export function normal(cp) {
  return { ...cp, connectors: [...(cp.connectors ?? [])].sort((a, b) => a.connector_id - b.connector_id), transactions: cp.transactions ?? [], groups: cp.groups ?? [] };
}

/**
 * The charge points of a snapshot as signals that events keep up to date: a row draws itself anew when its
 * charge point changes, and no other.
 * @param {any[]} items
 * @param {number|null|undefined} number of the newest event in the snapshot
 * @param {() => void} reload when events were missed
 */
export function useFleet(items, number, reload) {
  const fleet = useRef(new Map()).current;
  const shown = useRef(null);
  if (shown.current !== items) {
    shown.current = items;
    const ids = new Set();
    const later = since(number);
    for (const item of items) {
      let cp = normal(item);
      for (const event of later) if (event.charge_point_id === cp.charge_point_id) cp = apply(cp, event);
      ids.add(cp.charge_point_id);
      const known = fleet.get(cp.charge_point_id);
      if (known) known.value = cp;
      else fleet.set(cp.charge_point_id, signal(cp));
    }
    for (const id of [...fleet.keys()]) if (!ids.has(id)) fleet.delete(id);
  }
  useEvents((events) => {
    for (const event of events) {
      const known = fleet.get(event.charge_point_id);
      if (known) known.value = apply(known.value, event);
    }
  }, reload);
  useEffect(() => () => fleet.clear(), []);
  return fleet;
}

/** What flows now; of one that is away, nobody knows. */
export function powerOf(cp) {
  return !cp.connected ? 0 : cp.transactions.reduce((sum, one) => sum + (one.power_w ?? 0), 0);
}
