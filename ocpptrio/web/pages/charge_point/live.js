// What a charge point does now: its connectors, the power that flows, what is wrong, what was asked lately.

import { html, useEffect, useMemo, useState } from "../../html.js";
import { at, useResource } from "../../api.js";
import { Copy, Empty, Facts, Panel, Segments, Time, Trouble, now } from "../../components/basics.js";
import { Chart } from "../../components/chart.js";
import { ConnectorMark, Mark } from "../../components/mark.js";
import { plugsOf } from "../../components/tile.js";
import { duration, kw, kwh, percent, secondsBetween } from "../../format.js";
import { useEvents } from "../../live.js";
import { may } from "../../state.js";
import { connectTo } from "../overview.js";

export default function Live({ cp, ask, known }) {
  const plugs = plugsOf(cp);
  const { conditions } = cp;
  return html`<div class="stack">
    ${conditions.length > 0 && html`<${Panel} title="Wrong for long"><ul class="stack tight">${conditions.map((one) => html`<li key=${`${one.kind}${one.connector_id}`}>
      <${Mark} shape="triangle" tone="warn">${one.connector_id ? `Connector ${one.connector_id}: ` : ""}${one.kind}<//> <span class="soft">since <${Time} at=${one.since} />: ${one.evidence}</span></li>`)}</ul><//>`}
    ${plugs.length === 0 ? html`<section class="panel"><${Empty} title=${cp.connected ? "No connector has told its state yet" : "It has not connected yet"}>
        ${cp.connected ? html`<p>Charge points tell it after they have booted. To ask for it, send the command TriggerMessage for StatusNotification.</p>
          ${may("operator") && html`<button type="button" class="button" onClick=${() => ask({ action: "TriggerMessage", title: "Ask for the state of its connectors", submit: "Ask", request: { requestedMessage: "StatusNotification" } })}>Ask for it</button>`}` : html`<p>Enter this address into the charge point; it adds its identity <code>${cp.charge_point_id}</code>. One that has it already comes when it tries again, mostly within minutes.</p><${Copy} text=${connectTo()} />`}<//></section>`
      : html`<div class="connectors">${plugs.map((one) => html`<${Connector} key=${one.connector_id} connector=${one} cp=${cp} ask=${ask} />`)}</div>`}
    <${PowerChart} cp=${cp} />
    <${Panel} title="About"><${Facts} of=${[
      ["Make and model", [cp.vendor, cp.model].filter(Boolean).join(" ")],
      ["Serial number", cp.serial_number ?? cp.charge_box_serial_number],
      ["Firmware", cp.firmware_version], ["Firmware update", cp.firmware_status],
      ["Meter", [cp.meter_type, cp.meter_serial_number].filter(Boolean).join(" ")],
      ["SIM", [cp.iccid, cp.imsi].filter(Boolean).join(", ")],
      ["Connected", cp.connected && html`<${Time} at=${cp.connected_at} /> from ${cp.peer}`],
      ["Booted", cp.booted_at && html`<${Time} at=${cp.booted_at} />`],
      ["Registered", html`<${Time} at=${cp.registered_at} /> (${cp.origin})`],
      ["Clock", known?.clock], ["Vendor profile", [known?.vendor_profile, known?.vendor_profile_note].filter(Boolean).join(": ")],
      ["Password", cp.password_set ? "set" : "none: it may connect without"],
    ]} /><//>
  </div>`;
}

function Connector({ connector, cp, ask }) {
  now();
  const running = cp.transactions.find((one) => one.connector_id === connector.connector_id);
  const whole = connector.connector_id === 0;
  const wrong = connector.error_code && connector.error_code !== "NoError";
  return html`<section class="connector">
    <div class="spread"><h2>${whole ? "The charge point as a whole" : `Connector ${connector.connector_id}`}</h2>
      <small>since <${Time} at=${connector.since ?? connector.status_at} /></small></div>
    <div class="state"><${ConnectorMark} status=${connector.status} away=${!cp.connected} /></div>
    ${wrong && html`<p class="fault">${[connector.error_code, connector.vendor_error_code, connector.info].filter(Boolean).join(", ")}</p>`}
    ${running ? html`
      <dl class="readings">
        <div><dt>Power</dt><dd>${kw(running.power_w)}</dd></div>
        <div><dt>Energy</dt><dd>${kwh(running.energy_wh)}</dd></div>
        ${running.soc_percent != null ? html`<div><dt>Charge</dt><dd>${percent(running.soc_percent)}</dd></div>` : html`<div><dt>For</dt><dd>${duration(secondsBetween(running.started_at))}</dd></div>`}
      </dl>
      <p class="soft"><a href=${at`/transactions/${running.transaction_id}`}>Transaction ${running.transaction_id}</a> of <code>${running.id_tag}</code>, since <${Time} at=${running.started_at} /></p>`
      : connector.info && !wrong && html`<p class="soft">${connector.info}</p>`}
    ${may("operator") && !whole && html`<div class="row">
      ${running
        ? html`<button type="button" class="button" onClick=${() => ask({ action: "RemoteStopTransaction", title: `Stop transaction ${running.transaction_id}`, request: { transactionId: running.transaction_id }, immediate: true })}>Stop charging</button>`
        : html`<button type="button" class="button primary" onClick=${() => ask({ action: "RemoteStartTransaction", title: `Start charging at connector ${connector.connector_id}`, submit: "Start charging", request: { connectorId: connector.connector_id } })}>Start charging</button>`}
      <button type="button" class="button" onClick=${() => ask({ action: "UnlockConnector", title: `Unlock connector ${connector.connector_id}`, request: { connectorId: connector.connector_id }, immediate: true })}>Unlock</button>
    </div>`}
  </section>`;
}

const LIVE_KEPT = 2000; // points
const SPANS = [["3600", "1 h"], ["21600", "6 h"], ["86400", "24 h"]];

function PowerChart({ cp }) {
  const [span, setSpan] = useState("3600");
  const since = useMemo(() => new Date(Date.now() - Number(span) * 1000).toISOString().replace(/\.\d+Z$/, "Z"), [span, cp.charge_point_id]);
  const found = useResource(at`/charge-points/${cp.charge_point_id}/series`, { since, measurand: "power_w" });
  const [live, setLive] = useState([]);
  const stored = found.data?.times.at(-1) ?? 0;
  useEffect(() => setLive((known) => known.filter((one) => seconds(one) > stored)), [found.data]);
  useEvents((events) => {
    const fresh = events.filter((one) => one.kind === "MeterValuesReceived" && one.power_w != null && one.charge_point_id === cp.charge_point_id);
    if (fresh.length > 0) setLive((known) => [...known, ...fresh].slice(-LIVE_KEPT));
  }, found.reload);
  const { times, lines } = useMemo(() => merged(found.data, live), [found.data, live]);
  return html`<${Panel} title="Power" actions=${html`<${Segments} label="Time shown" value=${span} options=${SPANS} onChange=${setSpan} />`}>
    <${Trouble} problem=${found.error} retry=${found.reload} />
    ${lines.length > 0
      ? html`<${Chart} label=${`Power of ${cp.charge_point_id}`} times=${times} lines=${lines} />`
      : !found.error && html`<div class="chart-empty">${found.loading ? "Loading" : "No power was measured in this time. The key MeterValueSampleInterval tells how often a charge point measures while it charges."}</div>`}
  <//>`;
}

const seconds = (event) => Math.floor(new Date(event.measured_at ?? event.at).getTime() / 1000);

/** What is stored, then what the stream has brought since: a line for each connector. */
function merged(data, live) {
  const times = [...(data?.times ?? [])];
  const columns = new Map();
  for (const [name, values] of Object.entries(data?.series ?? {})) {
    if (values.some((value) => value != null)) columns.set(Number(name.split(".")[1] ?? 0), values.map((w) => (w == null ? null : w / 1000)));
  }
  for (const event of live) {
    const time = seconds(event);
    const newest = times.at(-1) ?? 0;
    if (time < newest) continue;
    if (!columns.has(event.connector_id)) columns.set(event.connector_id, times.map(() => null));
    if (time > newest) {
      times.push(time);
      for (const values of columns.values()) values.push(null);
    }
    columns.get(event.connector_id)[times.length - 1] = event.power_w / 1000;
  }
  const sorted = [...columns].sort(([a], [b]) => a - b);
  const dashes = [undefined, [7, 4], [2, 3], [10, 3, 2, 3]];
  const lines = sorted.map(([connectorId, values], index) => ({
    label: connectorId ? `Connector ${connectorId}` : "Power", unit: "kW", values, fill: sorted.length === 1, dash: dashes[index % dashes.length],
  }));
  return { times, lines };
}
