// Tables: columns by description, empty and loading states, and further pages on request.

import { html } from "../html.js";
import { plural } from "../format.js";
import { Loading, Trouble } from "./basics.js";

/**
 * @param {{
 *   caption: string, columns: {head: string, cell: (row: any) => any, num?: boolean, wide?: boolean, roomy?: boolean, actions?: boolean}[],
 *   rows: any[], rowKey: (row: any, place: number) => any, empty?: any, Row?: any
 * }} props wide: left out on a phone; roomy: on all but wide screens
 */
export function Table({ caption, columns, rows, rowKey }) {
  // The roles are said again, since a phone shows rows as cards and browsers then forget that it is a table.
  return html`<div class="table-scroll" tabindex="0" role="region" aria-label=${caption}><table class="cards" role="table" aria-label=${caption}>
    <thead role="rowgroup"><tr role="row">${columns.map((column) => html`<th key=${column.head} scope="col" role="columnheader" class=${classes(column)}>${column.actions
      ? html`<span class="visually-hidden">${column.head}</span>` : column.head}</th>`)}</tr></thead>
    <tbody role="rowgroup">${rows.map((row, place) => html`<tr key=${rowKey(row, place)} role="row">${columns.map((column, index) => {
      const content = column.cell(row);
      const empty = content === "" || content === false || content == null;
      return html`<td key=${column.head} role="cell" data-head=${column.head} class=${`${classes(column)} ${index === 0 ? "lead" : ""} ${empty ? "void" : ""}`}><div>${content}</div></td>`;
    })}</tr>`)}</tbody>
  </table></div>`;
}

export const classes = (column) => [column.num && "num", column.wide && "wide", column.roomy && "wide roomy", column.actions && "actions"].filter(Boolean).join(" ");

/** A list of usePages as a panel with a table. `empty` is shown when there is nothing at all. */
export function PagedTable({ list, empty, children, noun = "row", title, actions, ...table }) {
  if (list.error && list.items.length === 0) return html`<${Trouble} problem=${list.error} retry=${list.reload} />`;
  if (list.page === null) return html`<section class="panel"><${Loading} lines=${6} /></section>`;
  return html`<section class="panel flush">
    ${(title || actions) && html`<header><h2>${title}</h2><div class="row tight">${actions}</div></header>`}
    ${list.items.length === 0 && !list.cursor ? empty : children ?? html`<${Table} rows=${list.items} ...${table} />`}
    <${More} list=${list} noun=${noun} />
  </section>`;
}

/** How many are shown, and the way to more; where filters leave little, a page may be empty although more follow. */
export function More({ list, noun = "row" }) {
  if (list.items.length === 0 && !list.cursor) return null;
  return html`<div class="table-foot">
    <${Trouble} problem=${list.error} />
    <span>${plural(list.items.length, noun, noun.replace(/y$/, "ie").concat("s"))}${list.cursor ? " shown, there are more" : ""}</span>
    ${list.cursor && html`<button type="button" class="button small" disabled=${list.loading} onClick=${list.more}>Show more</button>`}
  </div>`;
}
