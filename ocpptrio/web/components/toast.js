// Short notes at the corner: what was done, or what the API said against it.

import { html } from "../html.js";
import { dismiss, toasts } from "../state.js";

export function Toasts() {
  return html`<div class="toasts" role="status" aria-live="polite">
    ${toasts.value.map((toast) => html`<div key=${toast.id} class="toast ${toast.wrong ? "wrong" : ""}">
      <div><strong>${toast.text}</strong>${toast.detail && html`<span>${toast.detail}</span>`}</div>
      <button type="button" aria-label="Dismiss" onClick=${() => dismiss(toast.id)}>×</button>
    </div>`)}
  </div>`;
}
