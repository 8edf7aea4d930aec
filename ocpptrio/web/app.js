// The page itself: who is logged in, which page is shown, and where the focus goes when it changes.

import { html, render, useLayoutEffect, useRef } from "./html.js";
import { get } from "./api.js";
import { Trouble } from "./components/basics.js";
import { Lapsed } from "./components/lapsed.js";
import { loadAgain, useModule } from "./components/module.js";
import { Shell } from "./components/shell.js";
import { followLinks, match, place } from "./router.js";
import { complain, lapsed, may, session } from "./state.js";

const AGAIN_MS = 5000;

// [address, module in pages/, role]
const ROUTES = [
  ["/", "overview", "viewer"],
  ["/charge-points", "charge_points", "viewer"],
  ["/charge-points/:id/:tab?", "charge_point", "viewer"],
  ["/groups", "groups", "viewer"],
  ["/transactions", "transactions", "viewer"],
  ["/transactions/reviews", "reviews", "viewer"],
  ["/transactions/reviews/:review", "reviews", "viewer"],
  ["/transactions/:id", "transaction", "viewer"],
  ["/tags", "tags", "viewer"],
  ["/tags/groups", "tag_groups", "viewer"],
  ["/alerts", "alerts", "viewer"],
  ["/alerts/settings", "alert_settings", "admin"],
  ["/events", "events", "viewer"],
  ["/tasks", "tasks", "viewer"],
  ["/tasks/:id", "tasks", "viewer"],
  ["/attempts", "attempts", "viewer"],
  ["/webhooks", "webhooks", "operator"],
  ["/users", "users", "admin"],
  ["/audit", "audit", "admin"],
  ["/system", "system", "viewer"],
  ["/account", "account", "viewer"],
];

function found(path) {
  for (const [pattern, name, role] of ROUTES) {
    const params = match(pattern, path);
    if (params) return { name, params, role };
  }
  return { name: null, params: {}, role: "viewer" };
}

function Skeleton() {
  return html`<div><div class="page-head"><h1 tabindex="-1">${" "}</h1></div><div class="skeleton" role="status"><span class="visually-hidden">Loading</span></div></div>`;
}

function Content() {
  const { path } = place.value;
  const { name, params, role } = found(path);
  const { Page, problem } = useModule(name);
  const first = useRef(true);
  // A new page begins at its heading, for eyes and for screen readers alike; its tabs and filters do not.
  const subject = `${name} ${params.id ?? ""}`;
  useLayoutEffect(() => {
    if (!Page) return;
    if (first.current) {
      first.current = false;
      return;
    }
    scrollTo(0, 0);
    document.querySelector("#main h1")?.focus({ preventScroll: true });
  }, [subject, Page]);
  if (name === null) {
    return html`<div class="stack"><div class="page-head"><h1 tabindex="-1">There is no such page</h1></div><p>Nothing is at <code>${path}</code>. <a href="/">Go to the overview</a>.</p></div>`;
  }
  if (problem) return html`<${Trouble} problem=${problem} retry=${loadAgain} />`;
  if (session.value === undefined || !Page) return html`<${Skeleton} />`;
  if (!may(role)) {
    return html`<div class="stack"><div class="page-head"><h1 tabindex="-1">Not for your role</h1></div><p>This page needs the role <strong>${role}</strong>; yours is ${session.value.role}. An admin can change it.</p></div>`;
  }
  return html`<${Page} key=${subject} params=${params} query=${place.value.query} />`;
}

function App() {
  const login = useModule(session.value === null || place.value.path === "/login" ? "login" : null);
  if (session.value === null || place.value.path === "/login") {
    return login.Page ? html`<${login.Page} />` : html`<div class="gate">${login.problem ? html`<${Trouble} problem=${login.problem} retry=${loadAgain} />` : html`<div class="skeleton"></div>`}</div>`;
  }
  return html`<${Shell}><${Content} /><//>${session.value && lapsed.value && html`<${Lapsed} />`}`;
}

async function whoAmI() {
  if (location.pathname === "/login") return; // somebody comes to log in: there is nothing to ask
  try {
    session.value = await get("/session");
  } catch (problem) {
    if (problem.status === 401) {
      session.value = null;
    } else {
      complain(problem); // who it is cannot be told now, which is no reason to ask for a password
      setTimeout(whoAmI, AGAIN_MS);
    }
  }
}

followLinks();
const root = document.getElementById("app");
root.replaceChildren();
render(html`<${App} />`, root);
whoAmI();
