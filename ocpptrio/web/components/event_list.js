// A list of events in words, the newest first; what the stream brings is put on top.

import { html, useEffect, useRef, useState } from "../html.js";
import { at, usePages } from "../api.js";
import { FREQUENT, KINDS, isWrong, words } from "../events.js";
import { full, moment } from "../format.js";
import { since, useEvents } from "../live.js";
import { Empty, Panel, Trouble } from "./basics.js";
import { More } from "./table.js";

const ADDED = 500; // by the stream; then the list is read anew, so that it ends where its next page begins

/** @param {{query: {charge_point_id?: string, kind?: string[]}, withPoint?: boolean}} props no kinds: all but the frequent ones */
export function EventList({ query, withPoint = true }) {
  const kinds = query.kind?.length ? query.kind : KINDS.filter((kind) => !FREQUENT.has(kind));
  const list = usePages("/events", { ...query, kind: kinds }, 100);
  const [paused, setPaused] = useState(false);
  const [held, setHeld] = useState([]);
  const added = useRef(0);
  const ours = (events) => events.filter((one) => kinds.includes(one.kind) && (!query.charge_point_id || one.charge_point_id === query.charge_point_id)).reverse();
  function merge(fresh) {
    list.change((items) => {
      const known = new Set(items.map((one) => one.number));
      return [...fresh.filter((one) => !known.has(one.number)), ...items];
    });
    added.current += fresh.length;
    if (added.current > ADDED) {
      added.current = 0;
      list.reload();
    }
  }
  useEvents((events) => {
    const fresh = ours(events);
    if (fresh.length === 0) return;
    if (paused) setHeld((before) => [...fresh, ...before].slice(0, ADDED));
    else merge(fresh);
  }, list.reload);
  useEffect(() => {
    // What the stream brought while the list was on its way.
    if (list.page && !paused) merge(ours(since(list.items[0]?.number ?? 0)));
  }, [list.page]);
  function go() {
    if (paused) {
      merge(held);
      setHeld([]);
    }
    setPaused(!paused);
  }
  return html`${list.items.length === 0 && html`<${Trouble} problem=${list.error} retry=${list.reload} />`}
    <${Panel} flush title="As they happen" actions=${html`<button type="button" class="button small" aria-pressed=${paused ? "true" : "false"} onClick=${go}>${paused ? `Go on${held.length ? ` (${held.length} new)` : ""}` : "Hold still"}</button>`}>
      ${list.items.length === 0 && list.page && !list.cursor ? html`<${Empty} title="Nothing has happened yet"><p>Connections, states, transactions, commands and security events appear here as they happen.</p><//>`
        : html`<ul class="happenings">${list.items.map((event) => html`<li key=${event.number} class=${isWrong(event) ? "wrong" : ""}>
          <time class="when" datetime=${event.at} title=${`${full(event.at)} (${event.at}), event ${event.number}`}>${moment(event.at)}</time>
          <div>${withPoint && event.charge_point_id && html`<a href=${at`/charge-points/${event.charge_point_id}`}>${event.charge_point_id}</a> `}<span class="words">${words(event)}</span></div></li>`)}</ul>`}
      <${More} list=${list} noun="event" />
    <//>`;
}
