// The overview: the fleet in numbers, what flows now, what needs a person, and each charge point of a small fleet.

import { html, useEffect, useRef } from "../html.js";
import { usePages } from "../api.js";
import { Copy, Empty, Figure, PageHead, Panel, Trouble } from "../components/basics.js";
import { Mark, connectorTone, connectorWord } from "../components/mark.js";
import { Tile } from "../components/tile.js";
import { STATE_KINDS, useFleet } from "../fleet.js";
import { count, kwNumber, kwhShort, plural } from "../format.js";
import { useStream } from "../live.js";
import { addresses, may, overview } from "../state.js";

const SMALL_FLEET = 24; // charge points: each of them has a place on the page
const ORDER = ["Charging", "SuspendedEV", "SuspendedEVSE", "Finishing", "Preparing", "Reserved", "Available", "Unavailable", "Faulted"];

export default function Overview() {
  const numbers = overview.value;
  const small = numbers && numbers.charge_points.total <= SMALL_FLEET;
  const list = usePages(numbers ? "/charge-points" : null, small ? {} : { connector_status: "Charging", connected: true }, SMALL_FLEET);
  useStream({ kinds: [...STATE_KINDS, "AttemptRefused", "ReviewOpened", "ReviewResolved"] }, list.page ? list.page.event_number ?? null : undefined);
  const fleet = useFleet(list.items, list.page?.event_number, list.reload);
  // Of a large fleet those are shown that charge, and these are others from time to time.
  const charging = small === false ? numbers.charge_points.charging : null;
  const shown = useRef(charging);
  useEffect(() => {
    if (shown.current !== null && charging !== null && shown.current !== charging) list.reload();
    shown.current = charging;
  }, [charging]);

  return html`<${PageHead} title="Overview" />
    <div class="stack">
      <${Figures} numbers=${numbers} />
      ${numbers?.charge_points.total === 0 ? html`<${FirstSteps} numbers=${numbers} />` : html`
        <div class="panels even"><${Fleet} numbers=${numbers} /><${Needs} numbers=${numbers} /></div>
        <section class="stack tight">
          <div class="spread"><h2>${small === false ? "Charging now" : "Charge points"}</h2><a href="/charge-points">All charge points</a></div>
          <${Trouble} problem=${list.error} retry=${list.reload} />
          ${list.page === null ? !list.error && html`<div class="skeleton" aria-hidden="true"></div>`
            : fleet.size === 0 ? html`<p class="soft">Nothing charges at this moment.</p>`
            : html`<ul class="tiles">${[...fleet].map(([id, cp]) => html`<${Tile} key=${id} cp=${cp} />`)}</ul>`}
        </section>`}
    </div>`;
}

function Figures({ numbers }) {
  const points = numbers?.charge_points;
  return html`<section class="figures" aria-label="The fleet in numbers">
    <${Figure} lead name="Power now" value=${kwNumber(numbers?.power_w)} unit="kW" detail=${numbers && plural(numbers.transactions_open, "transaction runs", "transactions run")} />
    <${Figure} name="Connected" value=${count(points?.connected)} unit=${points ? `of ${count(points.total)}` : ""} detail=${points && (points.offline ? `${count(points.offline)} offline` : points.total ? "all of them" : "")} />
    <${Figure} name="Charging" value=${count(points?.charging)} detail=${points && plural(points.charging, "charge point").replace(/^\S+ /, "")} />
    <${Figure} name="Energy today" value=${kwhShort(numbers?.energy_today_wh)} unit="kWh" detail="ended since 0:00 UTC" />
  </section>`;
}

function Fleet({ numbers }) {
  const states = Object.entries(numbers?.connectors ?? {}).filter(([, n]) => n > 0).sort(([a], [b]) => ORDER.indexOf(a) - ORDER.indexOf(b));
  const total = states.reduce((sum, [, n]) => sum + n, 0);
  const tone = (status) => connectorTone(status) || (status === "Available" ? "plain" : "busy");
  return html`<${Panel} title="Connectors" actions=${numbers && html`<span class="soft">${count(total)} in all${numbers.charge_points.offline > 0 ? "; offline ones as last told" : ""}</span>`}>
    <div class="fleet-bar" aria-hidden="true">${states.map(([status, n]) => html`<i key=${status} class="tone-${tone(status)}" style=${{ flexGrow: n }}></i>`)}</div>
    <ul class="legend">${states.map(([status, n]) => html`<li key=${status}><a href="/charge-points?connector_status=${status}"><${StatusCount} status=${status} n=${n} /></a></li>`)}</ul>
    ${numbers && total === 0 && html`<p class="soft">No charge point has told the state of its connectors yet.</p>`}
  <//>`;
}

const SHAPE = { Charging: "bolt", Available: "ring", Preparing: "half", SuspendedEV: "pause", SuspendedEVSE: "pause", Finishing: "check", Reserved: "diamond", Unavailable: "bar", Faulted: "triangle" };

function StatusCount({ status, n }) {
  return html`<${Mark} shape=${SHAPE[status] ?? "dashed"} tone=${connectorTone(status)}><b>${count(n)}</b> ${connectorWord(status)}<//>`;
}

function Needs({ numbers }) {
  const what = numbers ? needs(numbers) : [];
  return html`<${Panel} title="Needs a person">
    ${numbers && what.length === 0 && html`<${Mark} shape="done" tone="accent">Nothing does. All is well.<//>`}
    ${!numbers && html`<div class="skeleton-line" aria-hidden="true"></div>`}
    <ul class="needs">${what.map(([shape, tone, n, one, many, to, word]) => html`<li key=${to}>
      <${Mark} shape=${shape} tone=${tone}><b>${count(n)}</b> ${n === 1 ? one : many}<//><a href=${to}>${word}</a></li>`)}</ul>
  <//>`;
}

function needs(numbers) {
  return [
    ["triangle", "danger", numbers.charge_points.faulted, "charge point is faulted", "charge points are faulted", "/charge-points?connector_status=Faulted", "Look"],
    ["triangle", "danger", numbers.alerts_open ?? 0, "alert is open", "alerts are open", "/alerts", "Look"],
    ["dashed", "", numbers.charge_points.offline, "charge point is offline", "charge points are offline", "/charge-points?connected=false", "Which?"],
    ["triangle", "warn", numbers.conditions, "thing is wrong for long", "things are wrong for long", "/alerts?show=conditions", "What?"],
    ["diamond", "", numbers.reviews_waiting, "transaction waits for a decision", "transactions wait for a decision", "/transactions/reviews", "Decide"],
    ["half", "", numbers.attempts, "charge point was turned away", "charge points were turned away", "/attempts", "Which?"],
    ["cross", "warn", may("operator") ? numbers.webhooks_failing ?? 0 : 0, "webhook fails", "webhooks fail", "/webhooks", "Look"],
  ].filter(([, , n]) => n > 0);
}

/** Where a charge point is to connect to, up to its identity. */
export function connectTo() {
  return addresses.value[0] ?? `ws://${location.hostname}:8080/ocpp/`;
}

function FirstSteps({ numbers }) {
  const waiting = numbers.attempts;
  return html`<section class="panel"><${Empty} title=${waiting > 0 ? plural(waiting, "charge point wants to be let in", "charge points want to be let in") : "No charge point has come yet"}>
    ${waiting > 0 && html`<p>${waiting === 1 ? "It is unknown here and was turned away. Adopt it if it is yours; its next try succeeds." : "They are unknown here and were turned away. Adopt those that are yours; their next try succeeds."}</p>
      <a class="button primary" href="/attempts">${waiting === 1 ? "Look at it" : "Look at them"}</a>`}
    <p>Enter this address into ${waiting > 0 ? "a further" : "your"} charge point as that of the central system (backend, OCPP 1.6J). It adds its own identity at the end.</p>
    <${Copy} text=${connectTo()} />
    ${!waiting && html`<p>When it has tried, it appears under <a href="/attempts">Attempts</a>, to be adopted with one click. Or <a href="/charge-points?new=1">register it</a> first.</p>`}
    <p>No charge point at hand? <code>ocpptrio simulate CP1 CP2 --time-scale 60</code> plays two.</p>
  <//></section>`;
}
