// Where a charge point leaves the specification: what was repaired when reading it, and how often.

import { html } from "../../html.js";
import { at, usePages } from "../../api.js";
import { Empty, Time } from "../../components/basics.js";
import { PagedTable } from "../../components/table.js";
import { count } from "../../format.js";

export default function Deviations({ cp }) {
  const list = usePages(at`/charge-points/${cp.charge_point_id}/deviations`);
  return html`<${PagedTable} list=${list} noun="deviation" caption="Deviations" rowKey=${(one) => `${one.action} ${one.field} ${one.kind}`} columns=${[
    { head: "Action", cell: (one) => html`<strong>${one.action}</strong>` },
    { head: "Field", cell: (one) => html`<code>${one.field || "–"}</code>` },
    { head: "What is odd", cell: (one) => one.kind },
    { head: "Times", num: true, cell: (one) => count(one.occurrences) },
    { head: "Last", cell: (one) => html`<${Time} at=${one.last_at} />` },
    { head: "Example", wide: true, cell: (one) => html`<code class="clip" title=${one.example}>${one.example}</code>` },
    { head: "Firmware", wide: true, cell: (one) => one.last_firmware ?? "" },
  ]} empty=${html`<${Empty} title="It keeps to the specification"><p>Whatever of its messages is not as OCPP 1.6 wants it is read all the same, and noted here.</p><//>`} />`;
}
