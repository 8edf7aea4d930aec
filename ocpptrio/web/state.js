// What the whole page shares: who is logged in, the counts beside the navigation, theme and toasts.

import { signal } from "./html.js";

/** @typedef {{user_name: string, role: "viewer"|"operator"|"admin", csrf_token: string, password_set: boolean, expires_at: string}} Session */

/** Who is logged in; undefined: not known yet, null: nobody. @type {import("./vendor/signals.js").Signal<Session|null|undefined>} */
export const session = signal(undefined);

/** Whether the session is over although a page is open: its person is asked to log in again, over it. */
export const lapsed = signal(false);

/** GET /overview, for the counts beside the navigation; null: not loaded. */
export const overview = signal(null);

/** What charge points are told to connect to, up to their identity; the likeliest first. */
export const addresses = signal([]);

/** GET /system, loaded once: addresses and version. */
export const system = signal(null);

/** The dialogs that are open, the topmost last. @type {import("./vendor/signals.js").Signal<string[]>} */
export const dialogs = signal([]);

/** @type {import("./vendor/signals.js").Signal<{id: number, text: string, detail?: string, wrong: boolean}[]>} */
export const toasts = signal([]);

const RANKS = { viewer: 0, operator: 1, admin: 2 };

/** Whether the person may do what needs this role. */
export function may(role) {
  return session.value != null && RANKS[session.value.role] >= RANKS[role];
}

let lastToast = 0;

/** Tell that something was done. */
export function tell(text, detail) {
  show({ text, detail, wrong: false }, 5000);
}

/** Tell what the API's problem says. */
export function complain(problem) {
  if (problem?.name === "AbortError") return;
  show({ text: problem.title ?? "That did not work", detail: problem.detail ?? String(problem), wrong: true }, 12000);
}

export function dismiss(id) {
  toasts.value = toasts.value.filter((toast) => toast.id !== id);
}

function show(toast, forMs) {
  const id = ++lastToast;
  toasts.value = [...toasts.value.slice(-3), { id, ...toast }];
  setTimeout(() => dismiss(id), forMs);
}

/** "light", "dark" or "system". */
export const theme = signal(document.documentElement.dataset.theme ?? "system");

export function chooseTheme(choice) {
  theme.value = choice;
  if (choice === "system") delete document.documentElement.dataset.theme;
  else document.documentElement.dataset.theme = choice;
  try {
    if (choice === "system") localStorage.removeItem("theme");
    else localStorage.setItem("theme", choice);
  } catch {
    // No storage allowed: it holds until the page is left.
  }
}
