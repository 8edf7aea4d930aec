// All charge points: search and filters, the state of each connector live, and how a new one is registered.

import { html, useState } from "../html.js";
import { at, post, usePages, useResource } from "../api.js";
import { Copy, Empty, PageHead, Time } from "../components/basics.js";
import { Dialog, Form, Once } from "../components/dialog.js";
import { Field, SearchField, entered } from "../components/field.js";
import { ConnectorMark, Presence, connectorWord } from "../components/mark.js";
import { PagedTable } from "../components/table.js";
import { plugsOf } from "../components/tile.js";
import { STATE_KINDS, powerOf, useFleet } from "../fleet.js";
import { kw } from "../format.js";
import { useStream } from "../live.js";
import { navigate, refine } from "../router.js";
import { may, overview, tell } from "../state.js";
import { connectTo } from "./overview.js";

const STATUSES = ["Available", "Preparing", "Charging", "SuspendedEV", "SuspendedEVSE", "Finishing", "Reserved", "Unavailable", "Faulted"];
export const MODES = [["closed", "Known idTags that may charge"], ["everybody", "Everybody"], ["fixed tag", "Everybody, as one idTag"], ["learn", "Learn unknown idTags for a while"]];

export default function ChargePoints({ query }) {
  const filters = Object.fromEntries(["search", "group", "connected", "registration", "connector_status"].map((name) => [name, query.get(name) ?? ""]));
  const list = usePages("/charge-points", filters);
  const groups = useResource("/groups");
  const number = list.page?.event_number;
  useStream({ kinds: STATE_KINDS }, list.page ? number ?? null : undefined);
  const fleet = useFleet(list.items, number, list.reload);
  const filtered = Object.values(filters).some(Boolean);

  return html`<${PageHead} title="Charge points">
      <a class="button" href="/groups">Groups</a>
      ${may("operator") && html`<button type="button" class="button primary" onClick=${() => refine({ new: "1" })}>Register</button>`}
    <//>
    ${query.get("new") && may("operator") && html`<${Register} onClose=${() => refine({ new: null })} onDone=${list.reload} />`}
    <div class="filters" role="search">
      <${SearchField} label="Search" value=${filters.search} placeholder="Identity, make, model, note" onChange=${(search) => refine({ search })} />
      <${Field} label="Connection" value=${filters.connected} onInput=${(connected) => refine({ connected })} options=${[["", "All"], ["true", "Connected"], ["false", "Offline"]]} />
      <${Field} label="Connector" value=${filters.connector_status} onInput=${(connector_status) => refine({ connector_status })} options=${[["", "Any state"], ...STATUSES.map((one) => [one, connectorWord(one)])]} />
      <${Field} label="Group" value=${filters.group} onInput=${(group) => refine({ group })} options=${[["", "All"], ...(groups.data?.items ?? []).map((one) => [one.group, one.group])]} />
      <${Field} label="Registration" value=${filters.registration} onInput=${(registration) => refine({ registration })} options=${[["", "All"], ["Accepted", "Accepted"], ["Pending", "Pending"], ["Rejected", "Rejected"]]} />
    </div>
    <${PagedTable} list=${list} noun="charge point" empty=${filtered
      ? html`<${Empty} title="None fits"><p>No charge point is like that. <a href="/charge-points">Show all</a>.</p><//>`
      : html`<${Nobody} />`}>
      <${Rows} fleet=${fleet} />
    <//>`;
}

function Rows({ fleet }) {
  return html`<div class="table-scroll" tabindex="0" role="region" aria-label="Charge points"><table>
    <caption class="visually-hidden">Charge points</caption>
    <thead><tr><th scope="col">Identity</th><th scope="col">Connectors</th><th scope="col" class="num">Power</th><th scope="col" class="wide">Connection</th><th scope="col" class="wide">Make and model</th><th scope="col" class="wide">Groups</th><th scope="col" class="wide">Last seen</th></tr></thead>
    <tbody>${[...fleet].map(([id, cp]) => html`<${Row} key=${id} cp=${cp} />`)}</tbody>
  </table></div>`;
}

function Row({ cp: known }) {
  const cp = known.value;
  const power = powerOf(cp);
  return html`<tr>
    <td><a href=${at`/charge-points/${cp.charge_point_id}`}><strong>${cp.charge_point_id}</strong></a>${cp.registration !== "Accepted" && html` <span class="chip warn">${cp.registration}</span>`}${cp.note && html`<br /><small>${cp.note}</small>`}</td>
    <td><div class="stack tight">${plugsOf(cp).map((one) => html`<span key=${one.connector_id} class="row tight one"><small class="mono">${one.connector_id}</small><${ConnectorMark} status=${one.status} away=${!cp.connected} /></span>`)}
      ${cp.connectors.length === 0 && html`<span class="soft">${cp.connected ? "Not told yet" : "Offline"}</span>`}</div></td>
    <td class="num">${power > 0 ? kw(power) : ""}</td>
    <td class="wide"><${Presence} connected=${cp.connected} /></td>
    <td class="wide">${[cp.vendor, cp.model].filter(Boolean).join(" ") || html`<span class="soft">Not told yet</span>`}</td>
    <td class="wide"><span class="row tight">${cp.groups.map((name) => html`<a key=${name} class="chip" href="/charge-points?group=${encodeURIComponent(name)}">${name}</a>`)}</span></td>
    <td class="wide"><${Time} at=${cp.last_seen_at} as="ago" /></td>
  </tr>`;
}

function Nobody() {
  const waiting = overview.value?.attempts ?? 0;
  return html`<${Empty} title="No charge point yet">
    <p>Enter this address into your charge point as that of the central system (backend, OCPP 1.6J). It adds its own identity.</p>
    <${Copy} text=${connectTo()} />
    <p>${waiting > 0 ? html`Some have tried already: <a href="/attempts">adopt them</a>.` : html`One that is not registered is turned away and appears under <a href="/attempts">Attempts</a>, where you adopt it.`}</p>
  <//>`;
}

/** Register a charge point before it comes. */
function Register({ onClose, onDone }) {
  const [made, setMade] = useState(null);
  async function register(data) {
    const body = entered(data, { flags: ["generate_password", "pending"] });
    if (body.password) delete body.generate_password;
    const answer = await post("/charge-points", body);
    onDone();
    if (answer.password) setMade(answer);
    else {
      tell(`${body.charge_point_id} is registered`);
      navigate(at`/charge-points/${body.charge_point_id}`);
    }
  }
  if (made) return html`<${Once} what="Password of ${made.charge_point_id}" secret=${made.password} onClose=${() => navigate(at`/charge-points/${made.charge_point_id}`)} />`;
  return html`<${Dialog} title="Register a charge point" onClose=${onClose}>
    <${Form} submit="Register" onSubmit=${register} onCancel=${onClose}>
      <${Field} label="Identity" name="charge_point_id" required maxlength="48" mono autocomplete="off" hint="As the charge point sends it at the end of the address. It connects to ${connectTo()}…" />
      <${Field} label="Who may charge" name="mode" options=${MODES.slice(0, 2)} value="closed" />
      <${Field} label="Password (optional)" name="password" type="password" autocomplete="new-password" hint="HTTP Basic, security profile 1. Without one, whoever knows the identity may connect under it." />
      <${Field} label="Make a good password" name="generate_password" type="checkbox" />
      <${Field} label="Hold it as Pending until it is configured" name="pending" type="checkbox" />
      <${Field} label="Note (optional)" name="note" hint="Where it stands, for instance." />
    <//>
  <//>`;
}
