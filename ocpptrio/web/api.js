// Talking to /api/v1: JSON, the CSRF header, problems as errors, ETags, pages of a list, and hooks for it.

import { useEffect, useRef, useState } from "./html.js";
import { lapsed, session } from "./state.js";

const BASE = "/api/v1";
export const MOST = 1000; // rows that the API gives at once

/** What the API says is wrong (application/problem+json), or that it could not be reached. */
export class Problem extends Error {
  /** @param {{title?: string, detail?: string, status?: number, errors?: {field: string, reason: string}[]}} body */
  constructor(body) {
    super(body.detail ?? body.title ?? "Unknown problem");
    this.name = "Problem";
    this.title = body.title ?? "That did not work";
    this.detail = body.detail ?? "";
    this.status = body.status ?? 0;
    /** @type {{field: string, reason: string}[]} */
    this.errors = body.errors ?? [];
  }
}

const etags = new WeakMap();

/** The address with these parameters; those that are empty are left out. */
export function address(path, query = {}) {
  const parameters = new URLSearchParams();
  for (const [name, value] of Object.entries(query)) {
    for (const one of Array.isArray(value) ? value : [value]) {
      if (one !== undefined && one !== null && one !== "") parameters.append(name, String(one));
    }
  }
  const text = parameters.toString();
  return BASE + path + (text ? `?${text}` : "");
}

/** A path of parts, each made safe for an address. */
export function at(strings, ...parts) {
  return strings.reduce((path, text, index) => path + encodeURIComponent(String(parts[index - 1])) + text);
}

async function send(method, path, options) {
  const headers = { Accept: "application/json", ...options.headers };
  if (method !== "GET" && session.value) headers["X-CSRF-Token"] = session.value.csrf_token;
  let body;
  if (options.text !== undefined) {
    headers["Content-Type"] = options.type ?? "text/plain";
    body = options.text;
  } else if (options.body !== undefined) {
    headers["Content-Type"] = "application/json";
    body = JSON.stringify(options.body);
  }
  const tag = options.match && etags.get(options.match);
  if (tag) headers["If-Match"] = tag;
  let response;
  try {
    response = await fetch(address(path, options.query), {
      method, headers, body, signal: options.signal, credentials: "same-origin", cache: "no-store",
    });
  } catch (error) {
    if (error.name === "AbortError") throw error;
    throw new Problem({
      title: "The central system does not answer",
      detail: "Is the daemon running, and can this computer reach it? Try again in a moment.",
    });
  }
  return response;
}

/** Waits until the person has logged in again, if that is to be; whether what was refused may be asked once more. */
async function loggedInAgain(who) {
  if (session.value === who) {
    lapsed.value = true;
    await new Promise((resolve) => {
      const stop = lapsed.subscribe((waits) => {
        if (waits) return;
        resolve();
        queueMicrotask(() => stop());
      });
    });
  }
  return Boolean(session.value) && session.value !== who;
}

/**
 * Asks the API. Where the session is over meanwhile, it waits for its person, so that no form is lost.
 * @param {string} method
 * @param {string} path under /api/v1
 * @param {{query?: object, body?: any, text?: string, type?: string, match?: object, headers?: object, signal?: AbortSignal}} [options]
 *   match: what was read before; the change is refused (412) if it has changed since.
 */
export async function request(method, path, options = {}) {
  const who = session.value;
  let response = await send(method, path, options);
  // Of a session itself a 401 says that a password is wrong, not that nobody is logged in.
  const over = () => response.status === 401 && !path.startsWith("/session");
  if (over() && who && await loggedInAgain(who)) response = await send(method, path, options);
  if (over() && !who) session.value = null;
  if (!response.ok) throw await problem(response, method);
  if (response.status === 204) return null;
  const isJson = (response.headers.get("Content-Type") ?? "").includes("json");
  const answer = isJson ? await response.json() : await response.text();
  const etag = response.headers.get("ETag");
  if (etag && answer !== null && typeof answer === "object") etags.set(answer, etag);
  return answer;
}

async function problem(response, method) {
  let body = {};
  try {
    body = await response.json();
  } catch {
    body = { title: response.statusText || "The server failed", detail: `It answered with status ${response.status}.` };
  }
  if (response.status === 403 && method !== "GET" && await loginChanged()) {
    body = { detail: "The login has changed: somebody has logged in anew in another window of this browser. Look who it is, and try again." };
  } else if (response.status === 412) {
    body = { detail: "It was changed since you opened it, and nothing is saved." };
  }
  return new Problem({ status: response.status, ...body, title: TITLES[response.status] ?? body.title });
}

/** Whether another window of the browser has logged in anew; if so, it is taken over here. */
async function loginChanged() {
  const before = session.value?.csrf_token;
  try {
    session.value = await get("/session");
  } catch {
    return false;
  }
  return session.value.csrf_token !== before;
}

// What the statuses mean to a person.
const TITLES = {
  400: "Something in it is not right", 401: "Not let in", 403: "Not allowed", 404: "It is not there", 409: "It does not fit what is there",
  412: "Somebody else was faster", 429: "Too often", 503: "Not possible at this moment",
};

export const get = (path, query, signal) => request("GET", path, { query, signal });
export const post = (path, body, options) => request("POST", path, { body, ...options });
export const put = (path, body, options) => request("PUT", path, { body, ...options });
export const patch = (path, body, options) => request("PATCH", path, { body, ...options });
export const remove = (path, options) => request("DELETE", path, options);

/**
 * One resource. What was there stays while it is read again, so that nothing jumps.
 * @param {string|null} path null: nothing is asked
 */
export function useResource(path, query = {}) {
  const [state, setState] = useState({ data: null, error: null, loading: true });
  const [round, setRound] = useState(0);
  const asked = path === null ? null : address(path, query);
  const before = useRef(asked);
  useEffect(() => {
    if (asked === null) return undefined;
    const abort = new AbortController();
    const anew = before.current !== asked;
    before.current = asked;
    setState((known) => ({ data: anew ? null : known.data, error: anew ? null : known.error, loading: true }));
    get(path, query, abort.signal).then(
      (data) => setState({ data, error: null, loading: false }),
      (error) => {
        if (error.name !== "AbortError") setState((known) => ({ data: known.data, error, loading: false }));
      },
    );
    return () => abort.abort();
  }, [asked, round]);
  return { ...state, reload: () => setRound((number) => number + 1) };
}

const EMPTY_PAGES = 10;
const EMPTY = { asked: null, items: [], cursor: null, page: null, error: null, loading: true };

// Where filters are applied while reading, a page may be empty although more follow.
async function someOf(path, query, signal) {
  let page = await get(path, query, signal);
  for (let tries = 0; page.items.length === 0 && page.next_cursor && tries < EMPTY_PAGES; tries += 1) {
    page = await get(path, { ...query, cursor: page.next_cursor }, signal);
  }
  return page;
}

/**
 * A list, page by page: what is there, and how to have more.
 * @param {string|null} path null: nothing is asked
 */
export function usePages(path, query = {}, limit = 50) {
  const [state, setState] = useState(EMPTY);
  const [round, setRound] = useState(0);
  const asked = path === null ? null : address(path, { ...query, limit });
  const shown = useRef({ asked: null, rows: 0, more: null });
  useEffect(() => {
    if (asked === null) return undefined;
    const abort = new AbortController();
    // Reading again gives all that is shown, so that nobody is thrown back to the first page.
    const rows = shown.current.asked === asked ? Math.min(MOST, Math.max(limit, shown.current.rows)) : limit;
    shown.current = { asked, rows, more: null };
    setState((known) => ({ ...known, error: known.asked === asked ? known.error : null, loading: true }));
    someOf(path, { ...query, limit: rows }, abort.signal).then(
      (page) => setState({ asked, items: page.items, cursor: page.next_cursor, page, error: null, loading: false }),
      (error) => {
        // What was there stays, unless it answered another question.
        if (error.name !== "AbortError") setState((known) => (known.asked === asked ? { ...known, error, loading: false } : { ...EMPTY, asked, error, loading: false }));
      },
    );
    // A further page belongs to the list as it was: read anew, the list ends elsewhere.
    return () => { abort.abort(); shown.current.more?.abort(); };
  }, [asked, round]);
  async function more() {
    const abort = new AbortController();
    shown.current.more = abort;
    setState((known) => ({ ...known, error: null, loading: true }));
    try {
      const page = await someOf(path, { ...query, limit, cursor: state.cursor }, abort.signal);
      shown.current.rows += page.items.length;
      setState((known) => ({ ...known, items: [...known.items, ...page.items], cursor: page.next_cursor, page, loading: false }));
    } catch (error) {
      if (error.name !== "AbortError") setState((known) => ({ ...known, error, loading: false }));
    }
  }
  return {
    ...state,
    more,
    reload: () => setRound((number) => number + 1),
    change: (update) => setState((known) => ({ ...known, items: update(known.items) })),
  };
}
