// All transactions: filters that go into the address, export of what they leave, and the way to what waits.

import { html } from "../html.js";
import { address, usePages } from "../api.js";
import { Empty, Notice, PageHead } from "../components/basics.js";
import { Field } from "../components/field.js";
import { SuggestingFilter } from "../components/suggesting.js";
import { PagedTable } from "../components/table.js";
import { transactionColumns } from "../components/transaction.js";
import { dayOf, fromInput, lastDayOf, plural, untilDay } from "../format.js";
import { useReload, useStream } from "../live.js";
import { refine } from "../router.js";
import { overview } from "../state.js";

const STATES = [["", "All"], ["open", "Running"], ["stopped", "Stopped"], ["superseded", "Superseded"], ["concluded", "Concluded"]];
const KINDS = ["TransactionStarted", "TransactionStopped", "TransactionSuperseded", "TransactionReconciled", "TransactionEnergyChanged", "ReviewOpened", "ReviewResolved"];

export default function Transactions({ query }) {
  const filters = Object.fromEntries(["charge_point_id", "id_tag", "state", "since", "until"].map((name) => [name, query.get(name) ?? ""]));
  const list = usePages("/transactions", filters);
  useStream({ kinds: KINDS }, null);
  useReload(list.reload, (one) => KINDS.includes(one.kind));
  const waiting = overview.value?.reviews_waiting ?? 0;
  const filtered = Object.values(filters).some(Boolean);
  return html`<${PageHead} title="Transactions">
      <a class="button" href="/transactions/reviews">To decide${waiting > 0 ? ` (${waiting})` : ""}</a>
      <a class="button" href=${address("/transactions.csv", filters)} download="transactions.csv">Export CSV</a>
    <//>
    ${waiting > 0 && !filtered && html`<div class="stack"><${Notice}><p>${plural(waiting, "transaction waits", "transactions wait")} for a decision, since the messages do not settle what happened. <a href="/transactions/reviews">Decide</a></p><//><span></span></div>`}
    <div class="filters" role="search">
      <${SuggestingFilter} what="point" label="Charge point" value=${filters.charge_point_id} onChange=${(charge_point_id) => refine({ charge_point_id })} />
      <${SuggestingFilter} what="tag" label="idTag" value=${filters.id_tag} onChange=${(id_tag) => refine({ id_tag })} />
      <${Field} label="State" value=${filters.state} options=${STATES} onInput=${(state) => refine({ state })} />
      <${Field} label="From" follows type="date" value=${dayOf(filters.since)} onInput=${(text) => refine({ since: fromInput(text) })} />
      <${Field} label="Until" follows type="date" value=${lastDayOf(filters.until)} onInput=${(text) => refine({ until: untilDay(text) })} />
    </div>
    <${PagedTable} list=${list} noun="transaction" caption="Transactions" rowKey=${(one) => one.transaction_id} columns=${transactionColumns()}
      empty=${filtered ? html`<${Empty} title="None fits"><p>No transaction is like that. <a href="/transactions">Show all</a>.</p><//>`
        : html`<${Empty} title="Nothing was charged yet"><p>As soon as a charge point starts a transaction, it is here. Known idTags may start one at the charge point: <a href="/tags">add the first tag</a>. Or start from here, at a <a href="/charge-points">charge point</a>.</p><//>`} />`;
}
