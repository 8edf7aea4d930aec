// A field for what is known by name, with suggestions while somebody types.

import { html, useState } from "../html.js";
import { useResource } from "../api.js";
import { Field } from "./field.js";

const PAUSE_MS = 250;
const MOST = 20;
const KNOWN = { point: ["/charge-points", "charge_point_id"], tag: ["/tags", "id_tag"] };

/**
 * @param {{what: "point"|"tag", several?: boolean, onChange?: (text: string) => void}} props further ones are those of a
 *   field; several: separated by commas, the last of which is suggested
 */
export function Suggesting({ what, several, onChange, ...rest }) {
  const [path, name] = KNOWN[what];
  const [typed, setTyped] = useState("");
  const [timer] = useState({ id: 0 });
  const begun = several ? typed.slice(0, typed.lastIndexOf(",") + 1) : "";
  const search = typed.slice(begun.length).trim();
  const found = useResource(search ? path : null, { search, limit: MOST });
  function type(text) {
    clearTimeout(timer.id);
    timer.id = setTimeout(() => { setTyped(text); onChange?.(text); }, PAUSE_MS);
  }
  return html`<${Field} autocomplete="off" suggest=${(found.data?.items ?? []).map((one) => (begun ? `${begun} ${one[name]}` : one[name]))} onInput=${type} ...${rest} />`;
}

/** As a filter, which follows the address of the page. */
export function SuggestingFilter(props) {
  return html`<${Suggesting} follows class="search" type="search" ...${props} />`;
}
