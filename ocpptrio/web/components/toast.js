// Short notes at the corner: what was done, or what the API said against it.

import { html } from "../html.js";
import { dialogs, dismiss, toasts } from "../state.js";

/**
 * They are shown within the topmost dialog, since what is outside of it can neither be seen well nor reached.
 * @param {{within?: string}} props the dialog; without one, the page
 */
export function Toasts({ within }) {
  const here = dialogs.value.at(-1) === within;
  return html`<div class="toasts" role="status" aria-live="polite">
    ${here && toasts.value.map((toast) => html`<div key=${toast.id} class="toast ${toast.wrong ? "wrong" : ""}">
      <div><strong>${toast.text}</strong>${toast.detail && html`<span>${toast.detail}</span>`}</div>
      <button type="button" aria-label="Dismiss" onClick=${() => dismiss(toast.id)}>×</button>
    </div>`)}
  </div>`;
}
