// Alerts, to be acknowledged; and the conditions behind them: what is wrong for longer than a moment.

import { html } from "../html.js";
import { at, post, usePages } from "../api.js";
import { Empty, PageHead, Segments, Time } from "../components/basics.js";
import { Act } from "../components/dialog.js";
import { Mark } from "../components/mark.js";
import { refreshOverview } from "../components/shell.js";
import { PagedTable } from "../components/table.js";
import { plural } from "../format.js";
import { useReload, useStream } from "../live.js";
import { refine } from "../router.js";
import { may } from "../state.js";

const SHOW = [["open", "Open"], ["all", "All"], ["conditions", "Wrong for long"]];

export default function Alerts({ query }) {
  const show = query.get("show") ?? "open";
  return html`<${PageHead} title="Alerts">
      <${Segments} label="Which" value=${show} options=${SHOW} onChange=${(value) => refine({ show: value === "open" ? null : value })} />
      ${may("admin") && html`<a class="button" href="/alerts/settings">Who is told, and when</a>`}<//>
    ${show === "conditions" ? html`<${Conditions} />` : html`<${List} open=${show === "open"} />`}`;
}

function List({ open }) {
  const list = usePages("/alerts", { open: open ? true : undefined });
  useStream({ kinds: ["AlertOpened", "AlertClosed", "AlertAcknowledged"] }, null);
  useReload(list.reload, (one) => one.kind.startsWith("Alert"));
  const again = () => { list.reload(); refreshOverview(); };
  const waiting = list.items.filter((one) => !one.acknowledged_at);
  const all = may("operator") && waiting.length > 1 && html`<${Act} action=${async () => {
    try {
      for (const one of waiting) await post(at`/alerts/${one.alert_id}/acknowledge`);
    } finally {
      again();
    }
  }} done=${plural(waiting.length, "alert is acknowledged", "alerts are acknowledged")}>Acknowledge all shown<//>`;
  return html`<${PagedTable} list=${list} noun="alert" title=${open ? "Open now" : "All alerts"} actions=${all} caption="Alerts" rowKey=${(one) => one.alert_id} columns=${[
    { head: "Alert", cell: (one) => html`<${Mark} shape=${one.ended_at ? "check" : "triangle"} tone=${one.ended_at ? "faint" : one.acknowledged_at ? "warn" : "danger"}>${one.kind}<//>${one.occurrences > 1 ? ` (${one.occurrences} times)` : ""}${one.detail && html`<br /><small>${one.detail.startsWith(one.subject) ? one.detail : `${one.subject}: ${one.detail}`}</small>`}` },
    { head: "Charge point", cell: (one) => html`${one.charge_point_id ? html`<a href=${at`/charge-points/${one.charge_point_id}`}>${one.charge_point_id}</a>` : "–"}${one.connector_id ? html` <small>connector ${one.connector_id}</small>` : ""}` },
    { head: "Since", cell: (one) => html`<${Time} at=${one.since} />` },
    { head: "Ended", wide: true, cell: (one) => (one.ended_at ? html`<${Time} at=${one.ended_at} />` : "open") },
    { head: "Told", wide: true, cell: (one) => html`<${Time} at=${one.notified_at} />` },
    { head: "Acknowledge", actions: true, cell: (one) => one.acknowledged_at ? html`<small>seen by ${one.acknowledged_by}</small>`
      : may("operator") && html`<${Act} label=${`Acknowledge ${one.kind} ${one.charge_point_id ?? ""}`} action=${async () => { await post(at`/alerts/${one.alert_id}/acknowledge`); again(); }}>Acknowledge<//>` },
  ]} empty=${html`<${Empty} title=${open ? "No alert is open" : "There was no alert yet"}><p>Charge points that are offline or faulted, security events, stuck connectors and failing webhooks raise an alert. By e-mail or webhook it reaches you without this page.</p>
    ${may("admin") && html`<a class="button" href="/alerts/settings">Who is told, and when</a>`}<//>`} />`;
}

function Conditions() {
  const list = usePages("/conditions");
  useStream({ kinds: ["ConditionRaised", "ConditionCleared", "ConditionEscalated"] }, null);
  useReload(list.reload, (one) => one.kind.startsWith("Condition"));
  return html`<${PagedTable} list=${list} noun="condition" caption="Wrong for long" rowKey=${(one) => one.condition_id} columns=${[
    { head: "What", cell: (one) => html`<${Mark} shape="triangle" tone="warn">${one.kind}<//>` },
    { head: "Charge point", cell: (one) => html`<a href=${at`/charge-points/${one.charge_point_id}`}>${one.charge_point_id}</a>${one.connector_id ? html` <small>connector ${one.connector_id}</small>` : ""}` },
    { head: "Since", cell: (one) => html`<${Time} at=${one.since} />` },
    { head: "Evidence", wide: true, cell: (one) => one.evidence },
    { head: "Steps taken", num: true, wide: true, cell: (one) => one.steps || "" },
  ]} empty=${html`<${Empty} title="Nothing is wrong for long"><p>The watchdog looks for connectors that are stuck, clocks that are wrong, charge points that do not answer, and more.</p><//>`} />`;
}
