// A field for what is known by name, with suggestions while somebody types.

import { html, useState } from "../html.js";
import { useResource } from "../api.js";
import { Field } from "./field.js";

const PAUSE_MS = 250;
const MOST = 20;
const KNOWN = { point: ["/charge-points", "charge_point_id"], tag: ["/tags", "id_tag"] };

/** @param {{what: "point"|"tag", onChange?: (text: string) => void}} props further ones are those of a field */
export function Suggesting({ what, onChange, ...rest }) {
  const [path, name] = KNOWN[what];
  const [typed, setTyped] = useState("");
  const [timer] = useState({ id: 0 });
  const found = useResource(typed ? path : null, { search: typed, limit: MOST });
  function type(text) {
    clearTimeout(timer.id);
    timer.id = setTimeout(() => { setTyped(text); onChange?.(text); }, PAUSE_MS);
  }
  return html`<${Field} autocomplete="off" suggest=${(found.data?.items ?? []).map((one) => one[name])} onInput=${type} ...${rest} />`;
}

/** As a filter, which follows the address of the page. */
export function SuggestingFilter(props) {
  return html`<${Suggesting} follows class="search" type="search" ...${props} />`;
}
