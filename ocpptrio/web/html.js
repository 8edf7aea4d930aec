// The view library in one place: Preact with htm templates, its hooks, and signals.

import { Fragment, createContext, h, render } from "./vendor/preact.js";
import { useContext, useEffect, useLayoutEffect, useMemo, useRef, useState } from "./vendor/hooks.js";
import { batch, computed, effect, signal, useComputed, useSignal } from "./vendor/signals.js";
import htm from "./vendor/htm.js";

/** Text in templates is always set as text, never as HTML: what a charge point sends cannot run. */
export const html = htm.bind(h);

export {
  Fragment, batch, computed, createContext, effect, render, signal, useComputed, useContext, useEffect,
  useLayoutEffect, useMemo, useRef, useSignal, useState,
};
