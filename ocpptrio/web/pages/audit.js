// The audit log: who changed or commanded what.

import { html } from "../html.js";
import { usePages } from "../api.js";
import { Empty, PageHead, Time } from "../components/basics.js";
import { Field, SearchField } from "../components/field.js";
import { Mark } from "../components/mark.js";
import { PagedTable } from "../components/table.js";
import { dayOf, fromInput, lastDayOf, untilDay } from "../format.js";
import { refine } from "../router.js";

export default function Audit({ query }) {
  const filters = Object.fromEntries(["actor", "since", "until"].map((name) => [name, query.get(name) ?? ""]));
  const list = usePages("/audit", filters, 100);
  return html`<${PageHead} title="Audit log" />
    <div class="filters" role="search">
      <${SearchField} label="Who" value=${filters.actor} placeholder="user anna" onChange=${(actor) => refine({ actor })} />
      <${Field} label="From" follows type="date" value=${dayOf(filters.since)} onInput=${(text) => refine({ since: fromInput(text) })} />
      <${Field} label="Until" follows type="date" value=${lastDayOf(filters.until)} onInput=${(text) => refine({ until: untilDay(text) })} />
    </div>
    <${PagedTable} list=${list} noun="entry" caption="Audit log" rowKey=${(one) => one.audit_id} columns=${[
      { head: "When", cell: (one) => html`<${Time} at=${one.at} />` },
      { head: "Who", cell: (one) => html`${one.actor || html`<span class="soft">nobody known</span>`}<br /><small>${one.address}</small>` },
      { head: "What", cell: (one) => html`<code>${one.method} ${one.path}</code>${one.body && html`<br /><code class="clip soft" title=${one.body}>${one.body}</code>`}` },
      { head: "Result", cell: (one) => html`<${Mark} shape=${one.status >= 200 && one.status < 400 ? "done" : "cross"} tone=${one.status >= 200 && one.status < 400 ? "accent" : "warn"}>${one.status || "cut off"}<//>` },
    ]} empty=${html`<${Empty} title="Nothing was changed"><p>Each change and each command through this page or the API is kept here, with who did it.</p><//>`} />`;
}
