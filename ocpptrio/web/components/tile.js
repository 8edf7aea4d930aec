// A charge point in one look: who it is, what each connector does, what flows.

import { html } from "../html.js";
import { duration, kw, secondsBetween } from "../format.js";
import { now } from "./basics.js";
import { at } from "../api.js";
import { ConnectorMark, Glyph } from "./mark.js";

/** @param {{cp: import("../vendor/signals.js").Signal<any>}} props */
export function Tile({ cp: known }) {
  const cp = known.value;
  const plugs = plugsOf(cp);
  return html`<li class="tile ${cp.connected ? "" : "offline"}">
    <h3><a href=${at`/charge-points/${cp.charge_point_id}`}>${cp.charge_point_id}</a>${cp.connected
      ? html`<small class="soft">${cp.note ?? ""}</small>` : html`<small class="mark faint"><${Glyph} shape="dashed" />Offline</small>`}</h3>
    <div class="plugs">${plugs.length === 0 ? html`<div class="plug soft"><span></span><span>No status told yet</span></div>` : plugs.map((connector) => html`<${Plug}
      key=${connector.connector_id} connector=${connector} cp=${cp} />`)}</div>
  </li>`;
}

/** The connectors; the charge point as a whole (0) only when it tells something, or alone. */
export function plugsOf(cp) {
  const real = cp.connectors.filter((one) => one.connector_id > 0);
  const whole = cp.connectors.find((one) => one.connector_id === 0);
  const tells = whole && (real.length === 0 || whole.status === "Faulted" || whole.status === "Unavailable");
  return tells ? [whole, ...real] : real;
}

function Plug({ connector, cp }) {
  now();
  const running = cp.transactions.find((one) => one.connector_id === connector.connector_id);
  return html`<div class="plug"><span class="no">${connector.connector_id || html`<span title="The charge point as a whole">⌂</span>`}</span>
    <${ConnectorMark} status=${connector.status} away=${!cp.connected} />
    <span class="now">${running
      ? running.power_w != null && cp.connected ? kw(running.power_w) : duration(secondsBetween(running.started_at))
      : connector.error_code && connector.error_code !== "NoError" ? html`<span class="mark danger">${connector.error_code}</span>` : ""}</span></div>`;
}
