// The transactions of one charge point, the newest first.

import { html } from "../../html.js";
import { usePages } from "../../api.js";
import { Empty } from "../../components/basics.js";
import { PagedTable } from "../../components/table.js";
import { useReload } from "../../live.js";
import { transactionColumns } from "../../components/transaction.js";

export default function Transactions({ cp }) {
  const list = usePages("/transactions", { charge_point_id: cp.charge_point_id });
  useReload(list.reload, (one) => one.kind.startsWith("Transaction"));
  return html`<${PagedTable} list=${list} noun="transaction" caption="Transactions" rowKey=${(one) => one.transaction_id} columns=${transactionColumns({ withPoint: false })}
    empty=${html`<${Empty} title="Nothing was charged here yet"><p>A transaction appears as soon as one starts, with a tag at the charge point or with “Start charging”.</p><//>`} />`;
}
