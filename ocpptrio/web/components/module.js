// Modules of pages, loaded when they are first shown.

import { useEffect, useState } from "../html.js";
import { get } from "../api.js";
import { complain } from "../state.js";

const NOT_LOADED = { title: "This page could not be loaded", detail: "Load the whole page again: the central system may have been upgraded or restarted." };

/**
 * What a module in pages/ exports by default, as `Page`, or the `problem` of loading it; neither until it is there.
 * @param {string|null} name without .js; null: none
 */
export function useModule(name) {
  const [state, setState] = useState({ name: null, Page: null, problem: null });
  useEffect(() => {
    let wanted = true;
    if (name === null) return undefined;
    import(`../pages/${name}.js`).then(
      (module) => wanted && setState({ name, Page: module.default, problem: null }),
      () => wanted && setState({ name, Page: null, problem: NOT_LOADED }),
    );
    return () => { wanted = false; };
  }, [name]);
  return state.name === name ? state : { name, Page: null, problem: null };
}

/** Load the whole page again, unless there is nobody to load it from: then it stays, and says so. */
export function loadAgain() {
  get("/session").then(() => location.reload(), (problem) => (problem.status === 401 ? location.reload() : complain(problem)));
}
