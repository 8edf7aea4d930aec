// Transactions in tables: who charged what, where and when.

import { html } from "../html.js";
import { at } from "../api.js";
import { duration, kwh, secondsBetween } from "../format.js";
import { Time } from "./basics.js";
import { TransactionMark } from "./mark.js";

export const endOf = (one) => one.stopped_at ?? one.concluded_at ?? null;

/** What it took; of one that runs, so far. */
export function energyOf(one) {
  return one.energy_wh ?? one.energy_so_far_wh ?? null;
}

export function transactionColumns({ withPoint = true } = {}) {
  return [
    { head: "No.", cell: (one) => html`<a href=${at`/transactions/${one.transaction_id}`}>${one.transaction_id}</a>` },
    ...(withPoint ? [{ head: "Charge point", cell: (one) => html`<span class="nowrap"><a href=${at`/charge-points/${one.charge_point_id}`}>${one.charge_point_id}</a> <small title="Connector">${one.connector_id}</small></span>` }]
      : [{ head: "Connector", num: true, wide: true, cell: (one) => one.connector_id }]),
    { head: "State", cell: (one) => html`<${TransactionMark} transaction=${one} />` },
    { head: "Started", cell: (one) => html`<${Time} at=${one.started_at} />` },
    { head: "For", wide: true, cell: (one) => html`<span class="nowrap">${one.state === "open" || endOf(one) ? duration(secondsBetween(one.started_at, endOf(one))) : "–"}</span>` },
    { head: "Energy", num: true, cell: (one) => kwh(energyOf(one)) },
    { head: "idTag", wide: true, cell: (one) => html`<code class="fold">${one.id_tag}</code>` },
    { head: "Odd", wide: true, cell: (one) => html`<span class="row tight">${one.flags.map((flag) => html`<span key=${flag} class="chip warn">${flag}</span>`)}</span>` },
  ];
}
