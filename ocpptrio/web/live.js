// The live stream of events: one EventSource for the page, resumed by number, told in batches; lists that follow it.

import { useEffect, useRef, signal } from "./html.js";
import { address } from "./api.js";
import { KINDS } from "./events.js";
import { session } from "./state.js";

/** off, connecting, live or reconnecting. */
export const streamState = signal("off");

// What the navigation's counts need, on every page but those of one charge point.
const QUIET = [
  "AttemptRefused", "ConditionRaised", "ConditionCleared", "ReviewOpened", "ReviewResolved", "SecurityEventReported",
  "TaskChanged", "Registered", "Removed", "AlertOpened", "AlertClosed", "AlertAcknowledged", "WebhookChanged",
];
const RETRY_MS = 3000;
const KEPT = 1000; // events, to put upon a snapshot that was asked for before they came
const BATCH_MS = 50; // by a timer: a hidden page gets no animation frames, and would pile events up
const RELOAD_MS = 1500; // a list is read again at most so often, however much happens

const listeners = new Set();
const resets = new Set();
let source = null;
let filter = null;
let lastNumber = null;
let waiting = [];
let recent = [];
let retry = null;

function deliver() {
  const events = waiting;
  waiting = [];
  for (const listener of [...listeners]) listener(events);
}

function take(message) {
  const event = JSON.parse(message.data);
  if (lastNumber !== null && event.number <= lastNumber) return; // after a resume
  lastNumber = event.number;
  recent.push(event);
  if (recent.length > KEPT) recent = recent.slice(-KEPT / 2);
  if (waiting.length === 0) setTimeout(deliver, BATCH_MS);
  waiting.push(event);
}

function open() {
  clearTimeout(retry);
  source?.close();
  if (filter === null || !session.peek()) {
    source = null;
    streamState.value = "off";
    return;
  }
  if (streamState.peek() !== "reconnecting") streamState.value = "connecting";
  const kinds = filter.kinds && [...new Set([...filter.kinds, ...QUIET])];
  const query = { charge_point_id: filter.chargePointId, kind: kinds, after: lastNumber };
  const opened = new EventSource(address("/events/stream", query));
  source = opened;
  opened.onopen = () => {
    const again = streamState.peek() === "reconnecting";
    streamState.value = "live";
    // The stream goes on where it was cut; what pages failed to read meanwhile they read now. So they do with
    // what came between their list and a stream that begins now.
    const unsure = filter.fromNow;
    filter.fromNow = false;
    if (again || unsure) for (const listener of [...resets]) listener();
  };
  // The browser resumes by itself with Last-Event-ID, except where the answer was no stream at all.
  opened.onerror = () => {
    if (source !== opened) return;
    streamState.value = "reconnecting";
    if (opened.readyState === EventSource.CLOSED) retry = setTimeout(open, RETRY_MS);
  };
  for (const kind of KINDS) opened.addEventListener(kind, take);
  opened.addEventListener("reset", () => {
    // It begins anew from now; once it has, pages read what they missed.
    lastNumber = null;
    recent = [];
    filter.fromNow = true;
    open();
  });
}

/** Begin with what every page needs; the shell does it when somebody is logged in. */
export function startStream() {
  filter ??= { kinds: [] };
  lastNumber = null;
  open();
}

export function stopStream() {
  filter = null;
  recent = [];
  open();
}

/**
 * Have these events streamed while the component is there, among others.
 * @param {{chargePointId?: string, kinds?: string[]}} wanted no kinds: all
 * @param {number|null|undefined} after the number that the snapshot came with, so that nothing is missed
 *   between the two; null: from now on; undefined: the snapshot is not there yet
 */
export function useStream(wanted, after) {
  const key = JSON.stringify(wanted);
  const ready = after !== undefined;
  useEffect(() => {
    if (!ready) return undefined;
    const mine = { ...wanted, fromNow: after === null };
    filter = mine;
    lastNumber = after;
    recent = [];
    open();
    return () => {
      if (filter !== mine) return; // the next page has asked already
      filter = { kinds: [] };
      lastNumber = null;
      recent = [];
      open();
    };
  }, [key, ready]);
}

/**
 * Call `onEvents` with what the stream brings, and `onReset` when events were missed for good.
 * @param {(events: any[]) => void} onEvents
 * @param {() => void} [onReset]
 */
export function useEvents(onEvents, onReset) {
  const current = useRef(onEvents);
  const currentReset = useRef(onReset);
  current.current = onEvents;
  currentReset.current = onReset;
  useEffect(() => {
    const listener = (events) => current.current(events);
    const reset = () => currentReset.current?.();
    listeners.add(listener);
    resets.add(reset);
    return () => {
      listeners.delete(listener);
      resets.delete(reset);
    };
  }, []);
}

/** Do `work` every so often, for what no event tells of; not while nobody looks. */
export function useEvery(work, everyMs) {
  const current = useRef(work);
  current.current = work;
  useEffect(() => {
    const timer = setInterval(() => !document.hidden && current.current(), everyMs);
    return () => clearInterval(timer);
  }, []);
}

/**
 * What calls `work`: at once, but never more often than once in `everyMs`; and no more when the component is gone.
 * @param {() => void} work
 */
export function useSoon(work, everyMs = RELOAD_MS) {
  const known = useRef({ timer: null, last: 0 }).current;
  known.work = work;
  useEffect(() => () => clearTimeout(known.timer), []);
  return () => {
    known.timer ??= setTimeout(() => {
      known.timer = null;
      known.last = Date.now();
      known.work();
    }, Math.max(0, known.last + everyMs - Date.now()));
  };
}

/**
 * Read a list again when the stream brings what concerns it, or has missed something.
 * @param {() => void} reload
 * @param {(event: any) => boolean} concerns
 */
export function useReload(reload, concerns, everyMs = RELOAD_MS) {
  const soon = useSoon(reload, everyMs);
  useEvents((events) => { if (events.some(concerns)) soon(); }, reload);
}

/** What came after a snapshot was taken, in case it came before the snapshot itself. */
export function since(number) {
  return number == null ? [] : recent.filter((event) => event.number > number);
}
