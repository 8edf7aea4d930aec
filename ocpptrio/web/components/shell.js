// The frame round every page: navigation with counts, state of the live stream, who is logged in.

import { html, useEffect, useState } from "../html.js";
import { get, request } from "../api.js";
import { streamState, startStream, stopStream, useEvents } from "../live.js";
import { place } from "../router.js";
import { addresses, chooseTheme, complain, may, overview, session, system, theme } from "../state.js";
import { Dialog } from "./dialog.js";
import { Glyph } from "./mark.js";
import { Toasts } from "./toast.js";

const icon = (path) => html`<svg viewBox="0 0 24 24" fill="none" stroke="currentColor" stroke-width="1.8" stroke-linecap="round" stroke-linejoin="round" aria-hidden="true"><path d=${path} /></svg>`;
const ICONS = {
  overview: icon("M4 13a8 8 0 0 1 16 0M12 13l3.5-4M4 17h16"),
  points: icon("M6 20V5a1 1 0 0 1 1-1h7a1 1 0 0 1 1 1v15M4 20h13M15 9h2.5a1.5 1.5 0 0 1 1.5 1.5V16a1.3 1.3 0 0 0 2.6 0v-5l-2.1-2.4M11.4 7.5l-2.2 4h3l-2 4"),
  transactions: icon("M5 4h14v16l-2.4-1.6L14.300 20 12 18.400 9.700 20l-2.300-1.600L5 20ZM8.500 9h7M8.500 13h4"),
  tags: icon("M3.500 12.500V5a1.500 1.500 0 0 1 1.500-1.500h7.500l8 8a1.500 1.500 0 0 1 0 2.200l-6.300 6.300a1.500 1.500 0 0 1-2.200 0ZM8 8h.01"),
  alerts: icon("M6 16V11a6 6 0 0 1 12 0v5l1.500 2h-15ZM10 20.500a2.200 2.200 0 0 0 4 0"),
  events: icon("M4 6h3M4 12h3M4 18h3M10.500 6H20M10.500 12H20M10.500 18H20"),
  tasks: icon("m4 6.500 1.500 1.500L8.500 5M4 13l1.500 1.500L8.500 11.500M12 7h8M12 13.500h8M12 20h8M4.500 20H8"),
  attempts: icon("M12 4v0a8 8 0 1 0 0 16 8 8 0 0 0 0-16ZM12 8v4.500M12 15.800v.2"),
  webhooks: icon("M9 8a3 3 0 1 1 4.300 2.700L16 16M15 16.500a3 3 0 1 1 0 .1H9M9.200 15.500a3 3 0 1 1-3.700-2l2.800-4.700"),
  users: icon("M9 11.500a3.500 3.500 0 1 0 0-7 3.500 3.500 0 0 0 0 7ZM2.500 20a6.500 6.500 0 0 1 13 0M16 5a3.500 3.500 0 0 1 0 6.500M18 14.500a6 6 0 0 1 3.500 5.500"),
  audit: icon("M6 3.500h8l4 4V20.500H6ZM14 3.500v4h4M9 12h6M9 16h6"),
  system: icon("M4 5h16v5H4ZM4 14h16v5H4ZM7.500 7.500h.01M7.500 16.500h.01"),
  person: icon("M12 11.500a3.800 3.800 0 1 0 0-7.600 3.800 3.800 0 0 0 0 7.600ZM4.500 20.500a7.500 7.500 0 0 1 15 0"),
  more: icon("M4 7h16M4 12h16M4 17h16"),
};

// [address, word, icon, role, count of what waits there]
const MAIN = [
  ["/", "Overview", "overview", "viewer"],
  ["/charge-points", "Charge points", "points", "viewer"],
  ["/transactions", "Transactions", "transactions", "viewer", (counts) => counts.reviews_waiting],
  ["/tags", "Tags", "tags", "viewer"],
  ["/alerts", "Alerts", "alerts", "viewer", (counts) => counts.alerts_open],
  ["/events", "Events", "events", "viewer"],
  ["/tasks", "Tasks", "tasks", "viewer"],
];
const REST = [
  ["/attempts", "Attempts", "attempts", "viewer", (counts) => counts.attempts],
  ["/webhooks", "Webhooks", "webhooks", "operator", (counts) => counts.webhooks_failing],
  ["/users", "Users and tokens", "users", "admin"],
  ["/audit", "Audit log", "audit", "admin"],
  ["/system", "System", "system", "viewer"],
];
const FOOT = [MAIN[0], ["/charge-points", "Points", "points", "viewer"], MAIN[2], MAIN[4]];

const here = (to) => (to === "/" ? place.value.path === "/" : place.value.path === to || place.value.path.startsWith(`${to}/`));

function Entries({ entries, onClick }) {
  const counts = overview.value;
  return html`<ul class="nav">${entries.filter(([, , , role]) => session.value === undefined || may(role)).map(([to, word, name, , waiting]) => {
    const waits = counts && waiting ? waiting(counts) : 0;
    return html`<li key=${to}><a href=${to} aria-current=${here(to) ? "page" : undefined} onClick=${onClick}>${ICONS[name]}<span>${word}</span>${waits > 0
      && html`<span class="count">${waits > 99 ? "99+" : waits}<span class="visually-hidden"> waiting</span></span>`}</a></li>`;
  })}</ul>`;
}

function Brand() {
  return html`<a class="brand" href="/"><span class="brand-mark" aria-hidden="true"></span>ocpptrio</a>`;
}

const STREAM = {
  live: ["disc", "Live"],
  connecting: ["dashed", "Connecting"],
  reconnecting: ["triangle", "Reconnecting"],
  off: ["dashed", ""],
};

function Stream() {
  const [shape, word] = STREAM[streamState.value];
  return html`<span class="stream ${streamState.value}" role="status">${word && html`<${Glyph} shape=${shape} />${word}`}</span>`;
}

async function logOut() {
  try {
    await request("DELETE", "/session");
  } catch (problem) {
    if (problem.status !== 401) return complain(problem);
  }
  session.value = null;
}

function Person() {
  const [open, setOpen] = useState(false);
  if (!session.value) return null;
  return html`<button type="button" class="button small quiet" aria-haspopup="dialog" onClick=${() => setOpen(true)}>${ICONS.person}${session.value.user_name}<span class="visually-hidden">: account and theme</span></button>
    ${open && html`<${Dialog} title=${session.value.user_name} onClose=${() => setOpen(false)}>
      <p>Your role is <strong>${session.value.role}</strong>. ${system.value && html`<span class="soft">ocpptrio ${system.value.version}</span>`}</p>
      <div class="field"><span class="label" id="theme-label">Theme</span><div class="segments" role="group" aria-labelledby="theme-label">
        ${["system", "light", "dark"].map((name) => html`<button key=${name} type="button" aria-pressed=${theme.value === name ? "true" : "false"} onClick=${() => chooseTheme(name)}>${name[0].toUpperCase() + name.slice(1)}</button>`)}
      </div></div>
      <div class="form-foot"><a class="button" href="/account" onClick=${() => setOpen(false)}>Change password</a><a class="button" href="/api/docs">API</a>
        <button type="button" class="button" onClick=${logOut}>Log out</button></div>
    <//>`}`;
}

const OVERVIEW_EVERY_MS = 60_000;
const OVERVIEW_SOONEST_MS = 4_000;

/** Keeps the overview's numbers fresh: soon after events, and once a minute in any case. */
function useOverview() {
  useEffect(() => {
    if (!session.value) return undefined;
    let timer;
    let over = false;
    let asked = 0;
    let dirty = false;
    async function ask() {
      clearTimeout(timer);
      asked = Date.now();
      dirty = false;
      try {
        const found = await get("/overview");
        if (!over) overview.value = found;
      } catch {
        // The page says by itself what is wrong; the counts stay as they were.
      }
      clearTimeout(timer);
      if (!over) timer = setTimeout(ask, dirty ? OVERVIEW_SOONEST_MS : OVERVIEW_EVERY_MS);
    }
    refreshOverview = () => {
      if (dirty) return;
      dirty = true;
      clearTimeout(timer);
      timer = setTimeout(ask, Math.max(0, asked + OVERVIEW_SOONEST_MS - Date.now()));
    };
    ask();
    get("/charge-points", { limit: 1 }).then((page) => { addresses.value = page.urls ?? []; }, () => {});
    get("/system").then((known) => { system.value = known; }, () => {});
    startStream();
    return () => {
      over = true;
      clearTimeout(timer);
      refreshOverview = () => {};
      overview.value = null; // who comes next may see less
      stopStream();
    };
  }, [session.value?.user_name]);
  useEvents(() => refreshOverview());
}

/** Ask for the counts anew, after something was decided here. */
export let refreshOverview = () => {};

export function Shell({ children }) {
  const [menu, setMenu] = useState(false);
  useOverview();
  const counts = overview.value;
  return html`<div class="shell">
    <a class="skip" href="#main">Skip to the content</a>
    <div class="sidebar"><${Brand} />
      <nav aria-label="Pages"><${Entries} entries=${MAIN} /><${Entries} entries=${REST} /></nav>
      ${system.value && html`<div class="sidebar-foot">ocpptrio ${system.value.version}</div>`}
    </div>
    <header class="topbar"><${Brand} /><div class="row tight"><${Stream} /><${Person} /></div></header>
    <main id="main" class="main" tabindex="-1">${children}</main>
    <nav class="tabbar" aria-label="Main pages">
      ${FOOT.filter(([, , , role]) => session.value === undefined || may(role)).map(([to, word, name, , waiting]) => html`<a key=${to} href=${to} aria-current=${here(to) ? "page" : undefined}>${ICONS[name]}<span>${word}</span>${counts && waiting?.(counts) > 0
        && html`<span class="count">${waiting(counts)}</span>`}</a>`)}
      <button type="button" aria-haspopup="dialog" onClick=${() => setMenu(true)}>${ICONS.more}<span>More</span></button>
    </nav>
    ${menu && html`<${Dialog} title="All pages" sheet onClose=${() => setMenu(false)}>
      <${Entries} entries=${[...MAIN, ...REST]} onClick=${() => setMenu(false)} /><//>`}
    <${Toasts} />
  </div>`;
}
