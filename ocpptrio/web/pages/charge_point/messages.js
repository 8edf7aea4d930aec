// The messages of a charge point as they pass: each question with its answer, as sent.

import { html, useMemo, useState } from "../../html.js";
import { address, usePages } from "../../api.js";
import { Empty, Panel, Trouble } from "../../components/basics.js";
import { Field, SearchField } from "../../components/field.js";
import { Glyph, YES } from "../../components/mark.js";
import { More } from "../../components/table.js";
import { pretty } from "../../components/command.js";
import { clock, full } from "../../format.js";
import { useEvents, useEvery, useSoon } from "../../live.js";

const SOON_MS = 700;
const EVERY_MS = 5000;

export default function Messages({ cp }) {
  const [action, setAction] = useState("");
  const [follow, setFollow] = useState(true);
  const query = { charge_point_id: cp.charge_point_id, action };
  const list = usePages("/journal", query, 100);
  const soon = useSoon(() => follow && list.reload(), SOON_MS);
  // Not every message is an event, so it also looks now and then.
  useEvents(soon, soon);
  useEvery(soon, EVERY_MS);
  // Who looks further back does not want to be pushed on.
  const back = { ...list, more: () => { setFollow(false); list.more(); } };
  const exchanges = useMemo(() => paired(list.items), [list.items]);

  return html`<div class="filters">
      <${SearchField} label="Action" value=${action} placeholder="MeterValues" onChange=${setAction} />
      <${Field} label="Follow as they pass" type="checkbox" held value=${follow} onInput=${setFollow} />
      <a class="button push" href=${address("/journal.jsonl", query)} download>Export</a>
    </div>
    ${list.items.length === 0 && html`<${Trouble} problem=${list.error} retry=${list.reload} />`}
    <${Panel} flush>
      ${exchanges.length === 0 && list.page ? html`<${Empty} title="No message yet"><p>${action ? `None with the action ${action}.` : "Every message to and from this charge point is kept here, as long as the journal goes back."}</p><//>`
        : html`<div class="messages">${exchanges.map((one) => html`<${Exchange} key=${one.id} of=${one} />`)}</div>`}
      <${More} list=${back} noun="message" />
    <//>
    <p class="soft"><small>↑ from the charge point, ↓ from the central system. Passwords and keys are never kept.</small></p>`;
}

/** Questions with their answers beside them; an answer whose question is not here stands alone. */
export function paired(items) {
  const questions = new Map();
  const answers = new Map();
  for (const one of items) {
    if (one.kind === "CALL") questions.set(one.journal_id, one);
    else if (one.answers != null) answers.set(one.answers, one);
  }
  const found = [];
  for (const one of items) {
    if (one.kind === "CALL") found.push({ id: one.journal_id, question: one, answer: answers.get(one.journal_id) ?? null });
    else if (one.answers == null || !questions.has(one.answers)) found.push({ id: one.journal_id, question: null, answer: one });
  }
  return found;
}

function Exchange({ of: { question, answer } }) {
  const first = question ?? answer;
  const error = answer?.kind === "CALLERROR";
  const status = answer && !error ? statusOf(answer.text) : undefined;
  const wrong = error || (status !== undefined && !YES.has(status));
  const took = question && answer ? new Date(answer.at) - new Date(question.at) : null;
  return html`<div class="exchange">
    <time class="when" datetime=${first.at} title=${`${full(first.at)} (${first.at})`}>${clock(first.at)}</time>
    <${Glyph} shape=${first.direction === "in" ? "up" : "down"} />
    <details><summary><strong>${first.action || "Not readable"}</strong> <span class="visually-hidden">${first.direction === "in" ? "from" : "to"} the charge point</span>
        <span class="answer ${wrong ? "wrong" : ""}"> ${answer ? (error ? "→ CALLERROR" : question ? `→ ${status ?? brief(answer.text)}` : "answer") : "→ no answer yet"}${took != null ? ` · ${took} ms` : ""}</span></summary>
      ${question && html`<pre tabindex="0">${pretty(question.text)}</pre>`}${answer && html`<pre tabindex="0">${pretty(answer.text)}</pre>`}
    </details>
  </div>`;
}

function payloadOf(text) {
  try {
    return JSON.parse(text)[2] ?? {};
  } catch {
    return null;
  }
}

/** What an answer says to the question, if it is one that can be refused. */
function statusOf(text) {
  const payload = payloadOf(text);
  return payload?.status ?? payload?.idTagInfo?.status;
}

/** The gist of an answer without a status. */
function brief(text) {
  const payload = payloadOf(text);
  return payload ? Object.keys(payload).join(", ") || "done" : "answered";
}
