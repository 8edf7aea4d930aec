// Dialogs on the browser's own <dialog>: it keeps the focus inside, and Esc closes it.

import { html, useEffect, useRef, useState } from "../html.js";
import { complain, dialogs, tell, toasts } from "../state.js";
import { Copy, Trouble } from "./basics.js";
import { Toasts } from "./toast.js";

let lastId = 0;

// Whoever opens a form wants to fill it in; the button that closes it would come first.
const FIRST = ".dialog-body :is(input:not([hidden]), select, textarea)";

/** Open as long as it is rendered. @param {{title: string, onClose: () => void, large?: boolean, sheet?: boolean, children: any}} props */
export function Dialog({ title, onClose, large, sheet, children }) {
  const element = useRef(null);
  const [id] = useState(() => `dialog-${++lastId}`);
  const pressed = useRef(null);
  useEffect(() => {
    const dialog = element.current;
    const opener = document.activeElement;
    dialog.showModal();
    dialogs.value = [...dialogs.value, id];
    // What was told before has been seen, and would lie over the buttons of a long dialog.
    toasts.value = toasts.value.filter((one) => one.wrong);
    dialog.querySelector(FIRST)?.focus();
    return () => {
      dialogs.value = dialogs.value.filter((other) => other !== id);
      dialog.close();
      if (opener instanceof HTMLElement && opener.isConnected) opener.focus();
    };
  }, []);
  // A click beside it closes what only tells something: what was typed, or is shown once, is not lost by one.
  const beside = (target) => target === element.current && !element.current.querySelector("form, .secret");
  return html`<dialog ref=${element} class="${large ? "large" : ""} ${sheet ? "sheet" : ""}" aria-labelledby=${id}
      onCancel=${(event) => { event.preventDefault(); onClose(); }}
      onPointerDown=${(event) => { pressed.current = event.target; }}
      onClick=${(event) => { if (beside(event.target) && beside(pressed.current)) onClose(); }}>
    <header><h2 id=${id}>${title}</h2><button type="button" class="button icon quiet" aria-label="Close" onClick=${onClose}>×</button></header>
    <div class="dialog-body">${children}</div>
    <${Toasts} within=${id} />
  </dialog>`;
}

/**
 * A form that sends when it is submitted, and shows what the API says against it.
 * @param {{onSubmit: (data: FormData) => Promise<any>, submit: string, onCancel?: () => void, cancel?: string, danger?: boolean, onStale?: () => void, children: any}} props
 *   onStale: reads anew what is edited, after somebody else has changed it; the fields then begin with that
 */
export function Form({ onSubmit, submit, onCancel, cancel = "Cancel", danger, onStale, children }) {
  const [state, setState] = useState({ busy: false, problem: null });
  const [round, setRound] = useState(0);
  const element = useRef(null);
  useEffect(() => {
    // One that comes later than its dialog; nobody has begun elsewhere.
    const dialog = element.current.closest("dialog");
    if (dialog?.open && !document.activeElement?.closest(".dialog-body")) dialog.querySelector(FIRST)?.focus();
  }, []);
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
  function anew() {
    onStale();
    setState({ busy: false, problem: null });
    setRound(round + 1);
  }
  return html`<form ref=${element} key=${round} class="fields" onSubmit=${send}>
    ${children}
    <${Trouble} problem=${state.problem} retry=${state.problem?.status === 412 && onStale ? anew : undefined} word="Show how it is now" />
    <div class="form-foot">
      ${onCancel && html`<button type="button" class="button" onClick=${onCancel}>${cancel}</button>`}
      <button type="submit" class="button ${danger ? "danger" : "primary"}" disabled=${state.busy}>${state.busy ? "One moment …" : submit}</button>
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

/**
 * A button that does one thing with the API and tells about it.
 * @param {{action: () => Promise<any>, done?: string, sure?: [string, string], small?: boolean, tone?: string, label?: string, children: any}} props
 *   sure: asked before what cannot be undone: what would be done, and what follows from it
 */
export function Act({ action, done, sure, small = true, tone = "", children, label }) {
  const [busy, setBusy] = useState(false);
  const [asking, setAsking] = useState(false);
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
  return html`<button type="button" class="button ${small ? "small" : ""} ${tone}" aria-label=${label} disabled=${busy} onClick=${sure ? () => setAsking(true) : run}>${children}</button>
    ${asking && html`<${Confirm} title=${sure[0]} submit=${children} onClose=${() => setAsking(false)} onConfirm=${async () => { await action(); if (done) tell(done); }}><p>${sure[1]}</p><//>`}`;
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
    <p>Copy it now: it cannot be shown again.</p>
    <${Copy} text=${secret} secret />
    <div class="form-foot"><button type="button" class="button primary" onClick=${onClose}>I have it</button></div>
  <//>`;
}
