/** @file HTML as a value of its own, so that text from models and files cannot become markup. */

/** Text that is HTML already. */
export interface Markup {
  readonly markup: string;
}

/** What may stand in a template: text and numbers are escaped, markup is not. */
export type Content = string | number | Markup | readonly Content[];

/** Nothing at all. */
export const nothing: Markup = { markup: "" };

/** Text with everything escaped that means something in elements and attributes. */
export function escaped(text: string): string {
  const names: Readonly<Record<string, string>> = {
    "&": "&amp;",
    "<": "&lt;",
    ">": "&gt;",
    '"': "&quot;",
    "'": "&#39;",
  };
  return text.replace(/[&<>"']/g, (sign) => names[sign]!);
}

/** Markup that was made elsewhere, such as an SVG element; never text from outside. */
export function trusted(markup: string): Markup {
  return { markup };
}

/** A template whose values are escaped. @example html`<b>${name}</b>`.markup */
export function html(parts: TemplateStringsArray, ...values: readonly Content[]): Markup {
  return trusted(parts.map((part, k) => part + (k < values.length ? textOf(values[k]!) : "")).join(""));
}

function textOf(content: Content): string {
  if (typeof content === "string") return escaped(content);
  if (typeof content === "number") return String(content);
  if ("markup" in content) return content.markup;
  return content.map(textOf).join("");
}

/** A column of a table: numbers stand to the right. */
export interface Column {
  readonly title: string;
  readonly align?: "right";
}

/** Columns that fit on paper at the usual size. */
const mostOnPaper = 6;

/** A table with a caption for those who cannot see where it stands. */
export function tableOf(
  label: string,
  columns: readonly Column[],
  rows: readonly (readonly Content[])[],
): Markup {
  const kind = ({ align }: Column) => (align === undefined ? nothing : html` class="number"`);
  const body = rows.map((row) => html`<tr>${row.map((cell, k) => cellOf(cell, k, columns[k]!))}</tr>\n`);
  const room = columns.length > mostOnPaper ? "scroll wide-table" : "scroll";
  return html`<div class="${room}" tabindex="0" role="region" aria-label="${label}"><table>
<thead><tr>${columns.map((column) => html`<th scope="col"${kind(column)}>${column.title}</th>`)}</tr></thead>
<tbody>${body}</tbody></table></div>`;

  function cellOf(cell: Content, k: number, column: Column): Markup {
    return k === 0 ? html`<th scope="row">${cell}</th>` : html`<td${kind(column)}>${cell}</td>`;
  }
}
