// Where a charge point leaves the specification: what was repaired when reading it, and how often.

import { html } from "../../html.js";
import { address, at, remove, usePages } from "../../api.js";
import { Empty, Time } from "../../components/basics.js";
import { Act } from "../../components/dialog.js";
import { PagedTable } from "../../components/table.js";
import { count } from "../../format.js";
import { useReload } from "../../live.js";
import { may } from "../../state.js";

export default function Deviations({ cp }) {
  const base = at`/charge-points/${cp.charge_point_id}/deviations`;
  const list = usePages(base);
  useReload(list.reload, (one) => one.kind === "Deviated");
  return html`<${PagedTable} list=${list} noun="deviation" title="Where it leaves the specification" actions=${list.items.length > 0 && html`<a class="button small" href=${address(`${base}/report.md`)} download=${`${cp.charge_point_id}-deviations.md`}>Report for its maker</a>
      ${may("operator") && html`<${Act} done="Forgotten" sure=${["Forget its deviations?", "Those that it still shows come again, but their counts and first times are gone."]} action=${async () => { await remove(base); list.reload(); }}>Forget them<//>`}`} caption="Deviations" rowKey=${(one) => `${one.action} ${one.field} ${one.kind}`} columns=${[
    { head: "Action", cell: (one) => html`<strong>${one.action || "–"}</strong>` },
    { head: "Field", cell: (one) => html`<code>${one.field || "–"}</code>` },
    { head: "What is odd", cell: (one) => html`<span class="told">${one.what}<br /><small>${[one.made_of_it, one.clause, one.last_firmware && `firmware ${one.last_firmware}`].filter(Boolean).join(" · ")}</small></span>` },
    { head: "Times", num: true, cell: (one) => count(one.occurrences) },
    { head: "Last", cell: (one) => html`<${Time} at=${one.last_at} />` },
    { head: "Example", wide: true, cell: (one) => html`<code class="clip" title=${one.example}>${one.example}</code>` },
  ]} empty=${html`<${Empty} title="It keeps to the specification"><p>Whatever of its messages is not as OCPP 1.6 wants it is read all the same, and noted here.</p><//>`} />`;
}
