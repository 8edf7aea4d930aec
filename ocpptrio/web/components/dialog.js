// Dialogs on the browser's own <dialog>: it keeps the focus inside, and Esc closes it.

import { html, useEffect, useRef, useState } from "../html.js";
import { complain, tell } from "../state.js";
import { Trouble } from "./basics.js";

let lastId = 0;

/** Open as long as it is rendered. @param {{title: string, onClose: () => void, large?: boolean, sheet?: boolean, children: any}} props */
export function Dialog({ title, onClose, large, sheet, children }) {
  const element = useRef(null);
  const [id] = useState(() => `dialog-${++lastId}`);
  useEffect(() => {
    const dialog = element.current;
    const opener = document.activeElement;
    dialog.showModal();
    // Whoever opens a form wants to fill it in; the button that closes it would come first.
    dialog.querySelector(".dialog-body :is(input:not([hidden]), select, textarea)")?.focus();
    return () => {
      dialog.close();
      if (opener instanceof HTMLElement && opener.isConnected) opener.focus();
    };
  }, []);
  return html`<dialog ref=${element} class="${large ? "large" : ""} ${sheet ? "sheet" : ""}" aria-labelledby=${id}
      onCancel=${(event) => { event.preventDefault(); onClose(); }}
      onClick=${(event) => { if (event.target === element.current) onClose(); }}>
    <header><h2 id=${id}>${title}</h2><button type="button" class="button icon quiet" aria-label="Close" onClick=${onClose}>×</button></header>
    <div class="dialog-body">${children}</div>
  </dialog>`;
}

/**
 * A form that sends when it is submitted, and shows what the API says against it.
 * @param {{onSubmit: (data: FormData) => Promise<any>, submit: string, onCancel?: () => void, cancel?: string, danger?: boolean, disabled?: boolean, children: any}} props
 */
export function Form({ onSubmit, submit, onCancel, cancel = "Cancel", danger, disabled, children }) {
  const [state, setState] = useState({ busy: false, problem: null });
  async function send(event) {
    event.preventDefault();
    const form = event.currentTarget;
    setState({ busy: true, problem: null });
    try {
      await onSubmit(new FormData(form), form);
      setState({ busy: false, problem: null });
    } catch (problem) {
      setState({ busy: false, problem });
    }
  }
  return html`<form class="fields" onSubmit=${send}>
    ${children}
    <${Trouble} problem=${state.problem} />
    <div class="form-foot">
      ${onCancel && html`<button type="button" class="button" onClick=${onCancel}>${cancel}</button>`}
      <button type="submit" class="button ${danger ? "danger" : "primary"}" disabled=${state.busy || disabled}>${state.busy ? "One moment …" : submit}</button>
    </div>
  </form>`;
}

/** Ask before something that cannot be undone. */
export function Confirm({ title, children, submit, onConfirm, onClose, danger = true }) {
  return html`<${Dialog} title=${title} onClose=${onClose}>
    ${children}
    <${Form} submit=${submit} danger=${danger} onCancel=${onClose} onSubmit=${async () => { await onConfirm(); onClose(); }} />
  <//>`;
}

/** A button that does one thing with the API and tells about it. */
export function Act({ action, done, small = true, tone = "", children, label, disabled }) {
  const [busy, setBusy] = useState(false);
  async function run() {
    setBusy(true);
    try {
      await action();
      if (done) tell(done);
    } catch (problem) {
      complain(problem);
    }
    setBusy(false);
  }
  return html`<button type="button" class="button ${small ? "small" : ""} ${tone}" aria-label=${label} disabled=${busy || disabled} onClick=${run}>${children}</button>`;
}

/** A button that opens a dialog; `children` is a function that gets how to close it. */
export function Opens({ word, title, tone = "", small = false, large, label, children }) {
  const [open, setOpen] = useState(false);
  const close = () => setOpen(false);
  return html`<button type="button" class="button ${tone} ${small ? "small" : ""}" aria-label=${label} aria-haspopup="dialog" onClick=${() => setOpen(true)}>${word}</button>
    ${open && html`<${Dialog} title=${title ?? word} large=${large} onClose=${close}>${children(close)}<//>`}`;
}

/** A secret that is shown once. */
export function Once({ what, secret, onClose }) {
  return html`<${Dialog} title=${what} onClose=${onClose}>
    <p>Copy it now. It is kept only as a hash and cannot be shown again.</p>
    <code class="secret">${secret}</code>
    <div class="form-foot">
      <button type="button" class="button" onClick=${() => navigator.clipboard?.writeText(secret).then(() => tell("Copied"), () => {})}>Copy</button>
      <button type="button" class="button primary" onClick=${onClose}>I have it</button>
    </div>
  <//>`;
}
