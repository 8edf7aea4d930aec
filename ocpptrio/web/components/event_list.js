// A list of events in words, the newest first; what the stream brings is put on top.

import { html, useState } from "../html.js";
import { at, usePages } from "../api.js";
import { FREQUENT, KINDS, isWrong, words } from "../events.js";
import { full, moment } from "../format.js";
import { useEvents } from "../live.js";
import { Empty, Panel, Trouble } from "./basics.js";
import { More } from "./table.js";

const SHOWN = 500;

/** @param {{query: {charge_point_id?: string, kind?: string[]}, withPoint?: boolean}} props no kinds: all but the frequent ones */
export function EventList({ query, withPoint = true }) {
  const kinds = query.kind?.length ? query.kind : KINDS.filter((kind) => !FREQUENT.has(kind));
  const list = usePages("/events", { ...query, kind: kinds }, 100);
  const [paused, setPaused] = useState(false);
  const [held, setHeld] = useState([]);
  const merge = (fresh) => list.change((items) => {
    const known = new Set(items.slice(0, SHOWN).map((one) => one.number));
    return [...fresh.filter((one) => !known.has(one.number)), ...items].slice(0, SHOWN);
  });
  useEvents((events) => {
    const fresh = events.filter((one) => kinds.includes(one.kind) && (!query.charge_point_id || one.charge_point_id === query.charge_point_id)).reverse();
    if (fresh.length === 0) return;
    if (paused) setHeld((before) => [...fresh, ...before].slice(0, SHOWN));
    else merge(fresh);
  }, list.reload);
  function go() {
    if (paused) {
      merge(held);
      setHeld([]);
    }
    setPaused(!paused);
  }
  return html`<${Trouble} problem=${list.error} retry=${list.reload} />
    <${Panel} flush title="As they happen" actions=${html`<button type="button" class="button small" aria-pressed=${paused ? "true" : "false"} onClick=${go}>${paused ? `Go on${held.length ? ` (${held.length} new)` : ""}` : "Hold still"}</button>`}>
      ${list.items.length === 0 && !list.loading ? html`<${Empty} title="Nothing has happened yet"><p>Connections, states, transactions, commands and security events appear here as they happen.</p><//>`
        : html`<ul class="happenings">${list.items.map((event) => html`<li key=${event.number} class=${isWrong(event) ? "wrong" : ""}>
          <time class="when" datetime=${event.at} title=${`${full(event.at)} (${event.at}), event ${event.number}`}>${moment(event.at)}</time>
          <div>${withPoint && event.charge_point_id && html`<a href=${at`/charge-points/${event.charge_point_id}`}>${event.charge_point_id}</a> `}<span class="words">${words(event)}</span></div></li>`)}</ul>`}
      ${(list.items.length > 0 || list.cursor) && html`<${More} list=${list} noun="event" />`}
    <//>`;
}
