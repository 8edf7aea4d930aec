// Asking a charge point for something: the form of a request, how far the command came, and lists of commands.

import { html, useEffect, useMemo, useState } from "../html.js";
import { at, get, post, remove, useResource } from "../api.js";
import { useEvents } from "../live.js";
import { RequestForm, blank } from "../forms.js";
import { may } from "../state.js";
import { Facts, Loading, Notice, Time, Trouble } from "./basics.js";
import { Act, Dialog, Form } from "./dialog.js";
import { Field } from "./field.js";
import { CommandSteps } from "./mark.js";

const POLL_MS = 5000;
const SUGGESTED = 200; // idTags, to choose from while typing
const TYPING_MS = 400;

/** Nothing more is to come of it. */
export const settled = (command) => !["queued", "sent"].includes(command.state) && command.effect !== "awaited";

/** So that pressing twice asks once. */
export function newKey() {
  return Array.from(crypto.getRandomValues(new Uint8Array(16)), (byte) => byte.toString(16).padStart(2, "0")).join("");
}

export function ask(chargePointId, action, request, key, query = {}) {
  return post(at`/charge-points/${chargePointId}/commands/${action}`, request, { query: { wait_s: 0, ...query }, headers: { "Idempotency-Key": key } });
}

/** A command, kept up to date by events, and by asking now and then in case none comes. */
function useCommand(first) {
  const [command, setCommand] = useState(first);
  async function look() {
    try {
      const found = await get(at`/commands/${first.command_id}`);
      // Where another command makes up for it, the outcome of that one counts.
      setCommand(found.followed_by ? await get(at`/commands/${found.followed_by}`) : found);
    } catch {
      // The next event or look will tell.
    }
  }
  useEvents((events) => {
    if (events.some((event) => event.kind === "CommandChanged" && [first.command_id, command.command_id].includes(event.command_id))) look();
  }, look);
  useEffect(() => {
    if (settled(command)) return undefined;
    const timer = setInterval(look, POLL_MS);
    return () => clearInterval(timer);
  }, [settled(command)]);
  return command;
}

/** How far a command came, live. */
export function CommandProgress({ command: first, connected }) {
  const command = useCommand(first);
  return html`<div class="stack">
    <${CommandSteps} command=${command} />
    ${command.state === "queued" && connected === false && html`<${Notice} tone=""><p>The charge point is offline. It is asked when it returns, if the command has not expired by then.</p><//>`}
    <${CommandFacts} command=${command} />
    ${command.state === "queued" && may("operator") && html`<div><${Act} action=${() => remove(at`/commands/${command.command_id}`)} done="Cancelled">Cancel it<//></div>`}
  </div>`;
}

export function CommandFacts({ command }) {
  return html`<${Facts} of=${[
    ["Command", `${command.command_id}, ${command.action}`],
    ["Asked", html`<${Time} at=${command.created_at} />${command.requested_by ? ` by ${command.requested_by}` : ""}`],
    ["Error", command.error],
    ["Answered", command.settled_at && html`<${Time} at=${command.settled_at} />`],
    ["Effect", command.effect_detail && `${command.effect}: ${command.effect_detail}`],
    ["Expires", command.state === "queued" && command.expires_at && html`<${Time} at=${command.expires_at} />`],
  ]} />
  <details><summary>As sent and answered</summary><div class="stack tight"><pre class="secret">${pretty(command.request)}</pre>${command.response != null && html`<pre class="secret">${pretty(command.response)}</pre>`}</div></details>`;
}

export function pretty(value) {
  if (typeof value !== "string") return JSON.stringify(value, null, 1);
  try {
    return JSON.stringify(JSON.parse(value), null, 1);
  } catch {
    return value;
  }
}

/**
 * A dialog that asks for one thing and shows what comes of it.
 * @param {{cp: any, action?: string, title?: string, submit?: string, request?: any, immediate?: boolean, onClose: () => void}} props
 *   action: without one, it is chosen; request: as far as it is known; immediate: it is all that is needed
 */
export function CommandDialog({ cp, action: given, title, submit, request: first, immediate, onClose }) {
  const actions = useActions();
  const [action, setAction] = useState(given ?? "");
  const [request, setRequest] = useState(first);
  const [command, setCommand] = useState(null);
  const [problem, setProblem] = useState(null);
  const tags = useResource(immediate ? null : "/tags", { limit: SUGGESTED });
  const suggest = { idTag: (tags.data?.items ?? []).map((one) => one.id_tag) };
  const chosen = actions.data?.items.find((one) => one.action === action);
  const value = request ?? (chosen ? blank(chosen.fields) : {});
  const key = useMemo(newKey, [action, JSON.stringify(value)]); // what was changed after a failure is another command

  async function send() {
    setCommand(await ask(cp.charge_point_id, action, value, key));
  }
  useEffect(() => {
    if (immediate) send().catch(setProblem);
  }, []);

  return html`<${Dialog} title=${title ?? (action || "Send a command")} large=${!given} onClose=${onClose}>
    ${command ? html`<${CommandProgress} command=${command} connected=${cp.connected} />
        <div class="form-foot"><button type="button" class="button primary" onClick=${onClose}>Close</button></div>`
      : immediate ? html`${problem ? html`<${Trouble} problem=${problem} />` : html`<${Loading} lines=${2} />`}`
      : actions.error ? html`<${Trouble} problem=${actions.error} retry=${actions.reload} />`
      : !actions.data ? html`<${Loading} />` : html`
        ${!given && html`<${Field} label="Action" held value=${action} onInput=${(name) => { setAction(name); setRequest(undefined); }}
          options=${[["", "Choose"], ...actions.data.items.map((one) => [one.action, `${one.action} (${one.profile})`])]} />`}
        ${!cp.connected && html`<${Notice}><p>The charge point is offline. A command waits for it, where the action allows that.</p><//>`}
        ${chosen?.description && html`<p class="soft">${chosen.description}</p>`}
        ${chosen && html`<${Form} key=${action} submit=${submit ?? `Send ${action}`} onSubmit=${send} onCancel=${onClose}>
          <${RequestForm} schema=${chosen.fields} value=${value} onChange=${setRequest} known=${{ ...knownOf(cp), suggest }} />
          ${action === "RemoteStartTransaction" && value.idTag && html`<${WouldBeRefused} cp=${cp} idTag=${value.idTag} />`}<//>`}
        ${given && !chosen && html`<${Notice}><p>This central system does not send ${given}.</p><//>`}`}
  <//>`;
}

/** That nothing will come of it, before it is sent: a charge point that accepts it still asks whether the idTag may charge. */
function WouldBeRefused({ cp, idTag }) {
  const [settledOn, setSettledOn] = useState(null);
  useEffect(() => {
    const timer = setTimeout(() => setSettledOn(idTag), TYPING_MS);
    return () => clearTimeout(timer);
  }, [idTag]);
  const { data } = useResource(settledOn && at`/tags/${settledOn}/verdict`, { charge_point_id: cp.charge_point_id });
  if (settledOn !== idTag || data?.id_tag !== idTag || data.status === "Accepted" || data.asks_external) return null;
  return html`<${Notice}><p><strong>${idTag} may not charge here: ${data.reason ?? data.status}.</strong> Change that under <a href="/tags">Tags</a>, or who may charge under <a href=${at`/charge-points/${cp.charge_point_id}/settings`}>Settings</a>.</p><//>`;
}

let actionsOnce = null;

/** What can be asked for, with the schema of each request; it does not change while the page is open. */
export function useActions() {
  const found = useResource(actionsOnce ? null : "/actions");
  if (found.data && !actionsOnce) {
    const { items } = found.data;
    actionsOnce = { items: items.filter((one) => one.from_central_system !== false).sort((a, b) => a.action.localeCompare(b.action)) };
  }
  return actionsOnce ? { data: actionsOnce, error: null, reload: found.reload } : found;
}

/** What fields of these names can be at this charge point. */
function knownOf(cp) {
  const connectors = cp.connectors.filter((one) => one.connector_id > 0).map((one) => [String(one.connector_id), `${one.connector_id} (${one.status})`]);
  const running = cp.transactions.map((one) => [String(one.transaction_id), `${one.transaction_id}, connector ${one.connector_id}, ${one.id_tag}`]);
  return {
    ...(connectors.length > 0 && { connectorId: [["0", "0 (the charge point as a whole)"], ...connectors] }),
    ...(running.length > 0 && { transactionId: running }),
  };
}

/** Many commands, the newest first, each with what came of it. */
export function commandColumns({ withPoint = false, onLook }) {
  return [
    { head: "Asked", cell: (one) => html`<${Time} at=${one.created_at} />` },
    ...(withPoint ? [{ head: "Charge point", cell: (one) => html`<a href=${at`/charge-points/${one.charge_point_id}`}>${one.charge_point_id}</a>` }] : []),
    { head: "Action", cell: (one) => html`<button type="button" class="link" onClick=${() => onLook(one)}>${one.action}</button>` },
    { head: "What came of it", cell: (one) => html`<${CommandSteps} command=${one} />${one.error && html`<br /><small>${one.error}</small>`}${one.effect_detail && html`<br /><small>${one.effect_detail}</small>`}` },
    { head: "Request", wide: true, cell: (one) => html`<code class="clip">${typeof one.request === "string" ? one.request : JSON.stringify(one.request)}</code>` },
    { head: "By", wide: true, cell: (one) => one.requested_by ?? (one.task_id ? html`<a href=${`/tasks/${one.task_id}`}>task ${one.task_id}</a>` : "") },
  ];
}
