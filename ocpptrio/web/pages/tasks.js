// Tasks: one request to many charge points at a pace, and how far each has come.

import { html, useState } from "../html.js";
import { at, post, remove, usePages, useResource } from "../api.js";
import { Empty, Facts, Loading, PageHead, Panel, Time, Trouble } from "../components/basics.js";
import { CommandProgress, commandColumns, newKey, pretty, useActions } from "../components/command.js";
import { Act, Dialog, Form, Opens } from "../components/dialog.js";
import { Field } from "../components/field.js";
import { Mark } from "../components/mark.js";
import { PagedTable } from "../components/table.js";
import { RequestForm, blank } from "../forms.js";
import { count, plural } from "../format.js";
import { useReload, useStream } from "../live.js";
import { navigate } from "../router.js";
import { may, tell } from "../state.js";

const MARK = { running: ["half", "accent"], done: ["done", "accent"], stopped: ["triangle", "danger"], cancelled: ["bar", "faint"] };

function Progress({ task }) {
  const { counts, failures } = task;
  const left = (counts.queued ?? 0) + (counts.sent ?? 0);
  const over = task.state === "running" ? task.total - left : task.total;
  const [shape, tone] = MARK[task.state] ?? ["ring", ""];
  return html`<div class="progress"><${Mark} shape=${shape} tone=${tone}>${task.state}, ${count(over)} of ${count(task.total)}<//>
    <div class="meter" aria-hidden="true"><i style=${{ width: `${task.total ? (100 * over) / task.total : 0}%` }}></i></div>
    ${failures > 0 && html`<small class="mark danger">${plural(failures, "failure")}</small>`}</div>`;
}

export default function Tasks({ params }) {
  return params.id ? html`<${Task} id=${params.id} />` : html`<${List} />`;
}

function List() {
  const list = usePages("/tasks");
  useStream({ kinds: ["TaskChanged"] }, null);
  useReload(list.reload, (one) => one.kind === "TaskChanged");
  const start = may("operator") && html`<${Opens} word="Ask many" title="Ask many charge points" tone="primary" large>${(close) => html`<${Start} onCancel=${close} />`}<//>`;
  return html`<${PageHead} title="Tasks" lead="One request to many charge points, some at a time. Those that are away are asked when they return.">${start}<//>
    <${PagedTable} list=${list} noun="task" caption="Tasks" rowKey=${(one) => one.task_id} columns=${[
      { head: "Task", cell: (one) => html`<a href=${`/tasks/${one.task_id}`}>${one.task_id}</a>` },
      { head: "Action", cell: (one) => html`<strong>${one.action}</strong>` },
      { head: "Progress", cell: (one) => html`<${Progress} task=${one} />` },
      { head: "Started", wide: true, cell: (one) => html`<${Time} at=${one.created_at} />` },
      { head: "Ended", wide: true, cell: (one) => html`<${Time} at=${one.ended_at} />` },
    ]} empty=${html`<${Empty} title="No task yet"><p>Change a key at all charge points of a group, reset a hundred of them overnight, ask all for their diagnostics: one request, at a pace that you set.</p>${start}<//>`} />`;
}

function Start({ onCancel }) {
  const actions = useActions();
  const groups = useResource("/groups");
  const [action, setAction] = useState("");
  const [request, setRequest] = useState(undefined);
  const [sent] = useState({ asked: null, key: null }); // the same again, after no answer came, is the same task
  const chosen = actions.data?.items.find((one) => one.action === action);
  const value = request ?? (chosen ? blank(chosen.fields) : {});
  if (!actions.data) return actions.error ? html`<${Trouble} problem=${actions.error} />` : html`<${Loading} />`;
  return html`<${Field} label="Action" value=${action} onInput=${(name) => { setAction(name); setRequest(undefined); }} options=${[["", "Choose"], ...actions.data.items.map((one) => [one.action, `${one.action} (${one.profile})`])]} />
    ${chosen && html`<${Form} key=${action} submit=${`Send ${action}`} onCancel=${onCancel} onSubmit=${async (data) => {
      const body = { request: value, charge_points: data.get("charge_points").split(/[\s,]+/).filter(Boolean) };
      if (data.get("group")) body.group = data.get("group");
      for (const name of ["at_a_time", "per_minute"]) if (data.get(name)) body[name] = Number(data.get(name));
      if (data.get("stop_after")) body.stop_after = /^\d+$/.test(data.get("stop_after")) ? Number(data.get("stop_after")) : data.get("stop_after");
      if (data.get("hours")) body.expires_in_s = Math.round(Number(data.get("hours")) * 3600);
      const asked = JSON.stringify([action, body]);
      if (asked !== sent.asked) Object.assign(sent, { asked, key: newKey() });
      const task = await post(at`/tasks/${action}`, body, { headers: { "Idempotency-Key": sent.key } });
      tell("The task has begun");
      navigate(`/tasks/${task.task_id}`);
    }}>
      <${RequestForm} schema=${chosen.fields} value=${value} onChange=${setRequest} />
      <fieldset class="group"><legend>To whom, and how fast</legend>
        <${Field} label="Group" name="group" options=${[["", "None"], ...(groups.data?.items ?? []).map((one) => [one.group, one.group])]} />
        <${Field} label="Charge points" name="charge_points" area rows="2" hint="Identities, separated by commas or blanks." />
        <div class="fields two">
          <${Field} label="So many at a time (optional)" name="at_a_time" type="number" min="1" />
          <${Field} label="So many a minute (optional)" name="per_minute" type="number" min="1" />
          <${Field} label="Stop after failures (optional)" name="stop_after" type="number" min="1" />
          <${Field} label="Expires after hours (optional)" name="hours" type="number" min="0.1" step="any" hint="For those that are away." /></div></fieldset>
    <//>`}`;
}

function Task({ id }) {
  const found = useResource(at`/tasks/${id}`);
  const list = usePages("/commands", { task_id: id });
  const [looked, setLooked] = useState(null);
  useStream({ kinds: ["TaskChanged", "CommandChanged"] }, null);
  const again = () => { found.reload(); list.reload(); };
  useReload(again, (one) => one.task_id === Number(id));
  const task = found.data;
  return html`<${PageHead} title=${`Task ${id}`} crumb=${["/tasks", "Tasks"]}>
      ${task?.state === "running" && may("operator") && html`<${Act} small=${false} tone="danger" done="What was not sent yet is cancelled" action=${async () => { await remove(at`/tasks/${id}`); again(); }}>Cancel the rest<//>`}<//>
    <div class="stack"><${Trouble} problem=${found.error} retry=${found.reload} />
      ${task && html`<${Panel}><div class="stack"><${Progress} task=${task} />
        <${Facts} of=${[["Action", task.action], ["Request", task.request && html`<pre>${pretty(task.request)}</pre>`],
          ...Object.entries(task.counts).map(([state, n]) => [state[0].toUpperCase() + state.slice(1), count(n)]),
          ["Pace", [`${task.at_a_time} at a time`, task.per_minute && `${task.per_minute} a minute`].filter(Boolean).join(", ")], ["Stops after", task.stop_after && plural(task.stop_after, "failure")],
          ["Started", html`<${Time} at=${task.created_at} />`], ["Expires", task.state === "running" && html`<${Time} at=${task.expires_at} />`], ["Ended", task.ended_at && html`<${Time} at=${task.ended_at} />`], ["Why", task.reason]]} /></div><//>`}
      ${task && html`<${PagedTable} list=${list} title="Each charge point" noun="command" caption="Commands of the task" rowKey=${(one) => one.command_id} columns=${commandColumns({ withPoint: true, onLook: setLooked })} empty=${html`<${Empty} title="No command yet" />`} />`}
    </div>
    ${looked && html`<${Dialog} title=${looked.action} onClose=${() => setLooked(null)}><${CommandProgress} command=${looked} /><//>`}`;
}
