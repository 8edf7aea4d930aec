// One charge point: its head and tabs. What each tab shows lives in charge_point/.

import { html, useMemo, useState } from "../html.js";
import { at, useResource } from "../api.js";
import { Loading, Notice, PageHead, Tabs, Time, Trouble } from "../components/basics.js";
import { CommandDialog } from "../components/command.js";
import { Presence } from "../components/mark.js";
import { loadAgain, useModule } from "../components/module.js";
import { useFleet } from "../fleet.js";
import { useReload, useStream } from "../live.js";
import { may } from "../state.js";

const TABS = [["", "Overview"], ["transactions", "Transactions"], ["commands", "Commands"], ["configuration", "Configuration"], ["messages", "Messages"], ["events", "Events"], ["deviations", "Deviations"], ["settings", "Settings"]];
const NONE = [];
const REREAD = ["Registered", "Removed"];

export default function ChargePoint({ params }) {
  const id = params.id;
  const found = useResource(at`/charge-points/${id}`);
  useStream({ chargePointId: id }, found.data ? found.data.event_number ?? null : undefined);
  const items = useMemo(() => (found.data ? [found.data] : NONE), [found.data]);
  // Not when it was edited: whoever edits it here, too, is to be told (412) and not to be led past it.
  const cp = useFleet(items, found.data?.event_number, found.reload, REREAD).get(id)?.value;
  const [asking, setAsking] = useState(null);
  const tab = TABS.some(([name]) => name === (params.tab ?? "")) ? params.tab ?? "" : "";
  const { Page: Tab, problem } = useModule(`charge_point/${tab || "live"}`);

  if (!cp || found.error?.status === 404) {
    return html`<${PageHead} title=${id} crumb=${["/charge-points", "Charge points"]} />
      ${found.error ? html`<${Trouble} problem=${found.error} retry=${found.reload} />` : html`<section class="panel"><${Loading} lines=${8} /></section>`}`;
  }
  return html`<${PageHead} title=${id} crumb=${["/charge-points", "Charge points"]}>
      ${may("operator") && html`<button type="button" class="button" onClick=${() => setAsking({ action: "Reset", request: { type: "Soft" } })}>Reset</button>
        <button type="button" class="button" onClick=${() => setAsking({})}>Send a command</button>`}
    <//>
    <div class="about-line"><${Presence} connected=${cp.connected} />
      ${!cp.connected && cp.last_seen_at && html`<span>last seen <${Time} at=${cp.last_seen_at} as="ago" /></span>`}
      ${cp.registration !== "Accepted" && html`<span class="chip warn">${cp.registration}</span>`}
      ${cp.vendor && html`<span>${cp.vendor} ${cp.model}</span>`}${cp.firmware_version && html`<span>Firmware ${cp.firmware_version}</span>`}
      ${cp.note && html`<span>${cp.note}</span>`}
      ${cp.groups.map((name) => html`<a key=${name} class="chip" href="/charge-points?group=${encodeURIComponent(name)}">${name}</a>`)}
    </div>
    ${!cp.connected && html`<${TurnedAway} cp=${cp} />`}
    <${Tabs} base=${at`/charge-points/${id}`} tabs=${TABS} current=${tab} label=${`Parts of ${id}`} />
    <${Trouble} problem=${problem} retry=${loadAgain} />
    ${Tab ? html`<${Tab} cp=${cp} ask=${setAsking} reload=${found.reload} known=${found.data} />` : !problem && html`<section class="panel"><${Loading} lines=${6} /></section>`}
    ${asking && html`<${CommandDialog} cp=${cp} ...${asking} onClose=${() => setAsking(null)} />`}`;
}

/** Why one that is known is not in, as it was told at its last try. */
function TurnedAway({ cp }) {
  const id = cp.charge_point_id;
  const found = useResource("/attempts", { charge_point_id: id });
  useReload(found.reload, (one) => one.kind === "AttemptRefused" && one.charge_point_id === id);
  const one = found.data?.items[0];
  if (!one || (cp.last_seen_at && one.last_at < cp.last_seen_at)) return null;
  return html`<div class="turned-away"><${Notice}><p><strong>It was turned away <${Time} at=${one.last_at} as="ago" />: ${one.reason}.</strong>
    ${one.remedy === "set password" && may("operator") && html` Enter its password at the charge point, or <a href=${at`/charge-points/${id}/settings`}>set another</a>.`}
    ${one.remedy === "adopt" && html` <a href="/attempts">Adopt it</a>, and its next try succeeds.`}</p><//></div>`;
}
