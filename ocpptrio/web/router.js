// Where the person is: addresses by the History API, and which page shows them.

import { signal } from "./html.js";

/** The current address, as far as pages care. */
export const place = signal({ path: location.pathname, query: new URLSearchParams(location.search) });

function look() {
  place.value = { path: location.pathname, query: new URLSearchParams(location.search) };
}

export function navigate(to, { replace = false } = {}) {
  if (replace) history.replaceState(null, "", to);
  else history.pushState(null, "", to);
  look();
}

/** Put the filters of a page into its address, so that it can be kept and sent to somebody. */
export function refine(changes) {
  const query = new URLSearchParams(location.search);
  for (const [name, value] of Object.entries(changes)) {
    if (value === undefined || value === null || value === "") query.delete(name);
    else query.set(name, value);
  }
  const text = query.toString();
  navigate(location.pathname + (text ? `?${text}` : ""), { replace: true });
}

/** The parameters of a path that fits a pattern such as /charge-points/:id/:tab?, else null. */
export function match(pattern, path) {
  const wanted = pattern.split("/").filter(Boolean);
  const given = path.split("/").filter(Boolean);
  if (given.length > wanted.length) return null;
  const params = {};
  for (const [index, part] of wanted.entries()) {
    const value = given[index];
    if (part.startsWith(":")) {
      if (value === undefined && !part.endsWith("?")) return null;
      if (value !== undefined) {
        try {
          params[part.replace(/[:?]/g, "")] = decodeURIComponent(value);
        } catch {
          return null;
        }
      }
    } else if (part !== value) return null;
  }
  return params;
}

/** Follow links within the page without loading it anew. */
export function followLinks() {
  addEventListener("popstate", look);
  document.addEventListener("click", (event) => {
    if (event.defaultPrevented || event.button !== 0 || event.metaKey || event.ctrlKey || event.shiftKey || event.altKey) return;
    const link = event.target instanceof Element ? event.target.closest("a[href]") : null;
    if (!link || link.target || link.hasAttribute("download")) return;
    const to = new URL(link.href);
    if (to.origin !== location.origin || to.pathname.startsWith("/api/") || to.pathname === "/metrics") return;
    if (to.hash && to.pathname === location.pathname) return;
    event.preventDefault();
    if (to.pathname + to.search !== location.pathname + location.search) navigate(to.pathname + to.search);
  });
}
