// What a charge point was asked for, and what came of it.

import { html, useState } from "../../html.js";
import { usePages } from "../../api.js";
import { Empty } from "../../components/basics.js";
import { CommandProgress, commandColumns } from "../../components/command.js";
import { Dialog } from "../../components/dialog.js";
import { PagedTable } from "../../components/table.js";
import { useReload } from "../../live.js";
import { may } from "../../state.js";

export default function Commands({ cp, ask }) {
  const list = usePages("/commands", { charge_point_id: cp.charge_point_id });
  const [looked, setLooked] = useState(null);
  useReload(list.reload, (one) => one.kind === "CommandChanged");
  return html`<${PagedTable} list=${list} noun="command" caption="Commands" rowKey=${(one) => one.command_id} columns=${commandColumns({ onLook: setLooked })}
      empty=${html`<${Empty} title="Nothing was asked of it yet"><p>Each request to the charge point is kept here, with its answer and whether it took effect.</p>
        ${may("operator") && html`<button type="button" class="button primary" onClick=${() => ask({})}>Send a command</button>`}<//>`} />
    ${looked && html`<${Dialog} title=${looked.action} onClose=${() => setLooked(null)}><${CommandProgress} command=${looked} connected=${cp.connected} /><//>`}`;
}
