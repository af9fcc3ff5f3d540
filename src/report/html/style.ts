/** @file How reports look: light, dark and on paper, from narrow to wide. */

const light = `
  --page: #ffffff; --text: #1b1f24; --muted: #57606a; --line: #d5dae0; --panel: #f5f7f9; --link: #0a58b5;
  --kept: #1668c1; --removed: #b8430b; --removed-faint: #fbe3d6; --tuned: #7a35b8;
  --series-1: #0058b8; --series-2: #e06500; --series-3: #007a55; --series-4: #ab3a7a; --series-5: #239aca; --series-6: #6a4a00;
  --series-7: #1b1030;`;

const dark = `
  --page: #14171c; --text: #e7eaee; --muted: #a3adb9; --line: #343b45; --panel: #1d2229; --link: #7cb8ff;
  --kept: #62abf5; --removed: #ff9b63; --removed-faint: #4a2a18; --tuned: #c79bff;
  --series-1: #3f93dd; --series-2: #ff9440; --series-3: #35c98e; --series-4: #f09bd0; --series-5: #8a74f5; --series-6: #e5dc50;
  --series-7: #f4f6fa;`;

/** The variables that hold the colours. */
export const colours = { light, dark } as const;

/** The style sheet of a page. */
export const style = `
:root { color-scheme: light dark; ${light} }
@media (prefers-color-scheme: dark) { :root { ${dark} } }
* { box-sizing: border-box; }
html { -webkit-text-size-adjust: 100%; }
body { margin: 0 auto; padding: 1.5rem 1.25rem 4rem; max-width: 50rem; background: var(--page); color: var(--text);
  font: 1rem/1.55 system-ui, -apple-system, "Segoe UI", Roboto, "Helvetica Neue", Arial, sans-serif; }
a { color: var(--link); }
h1 { font-size: 1.7rem; line-height: 1.25; margin: 0 0 .25rem; overflow-wrap: anywhere; }
h2 { font-size: 1.3rem; margin: 2.75rem 0 .75rem; padding-top: .5rem; border-top: 1px solid var(--line); overflow-wrap: anywhere; }
h3 { font-size: 1.1rem; margin: 2.25rem 0 .5rem; }
h4 { font-size: 1rem; margin: 1.25rem 0 .25rem; }
.lead, .note, figcaption, nav { color: var(--muted); }
.lead { margin: 0 0 1rem; }
.note, figcaption { font-size: .9rem; }
nav ul { margin: .25rem 0 0; padding: 0; list-style: none; display: flex; flex-wrap: wrap; gap: .1rem 1.1rem; }
nav ul ul { width: 100%; padding-left: 1rem; margin: 0; }
nav > ul > li.nested { width: 100%; }
.tiles { display: grid; grid-template-columns: repeat(auto-fit, minmax(9rem, 1fr)); gap: .75rem; margin: 1rem 0; }
.tiles div { background: var(--panel); border: 1px solid var(--line); border-radius: .5rem; padding: .7rem .9rem; }
.tiles dt { color: var(--muted); font-size: .85rem; }
.tiles dd { margin: 0; }
.tiles strong { display: block; font-size: 1.45rem; line-height: 1.3; }
.tiles span { color: var(--muted); font-size: .85rem; }
.conclusions { padding-left: 1.2rem; }
.conclusions li { margin: .35rem 0; }
.scroll { overflow-x: auto; }
table { border-collapse: collapse; font-size: .9rem; margin: .25rem 0; font-variant-numeric: tabular-nums; }
th, td { padding: .3rem .9rem .3rem 0; text-align: left; vertical-align: top; border-bottom: 1px solid var(--line); }
thead th { color: var(--muted); font-weight: 600; }
tbody th { font-weight: 500; min-width: 6rem; overflow-wrap: break-word; max-width: 22rem; }
.interval { display: block; color: var(--muted); font-size: .85em; }
th.number, td.number { text-align: right; }
td.number { white-space: nowrap; }
thead th { vertical-align: bottom; }
td code { overflow-wrap: anywhere; white-space: pre-wrap; }
pre { background: var(--panel); border: 1px solid var(--line); border-radius: .5rem; padding: .8rem 1rem; white-space: pre-wrap;
  overflow-wrap: anywhere; }
code { font: .88em/1.5 ui-monospace, SFMono-Regular, Menlo, Consolas, "DejaVu Sans Mono", monospace; }
figcaption { margin-top: .35rem; }
figure { margin: 1.5rem 0 2rem; }
.chart-title { font-weight: 600; margin: 0 0 .25rem; overflow-wrap: anywhere; }
.scroll + .chart-title, .note + .chart-title { margin-top: 1.75rem; }
.legend { display: flex; flex-wrap: wrap; gap: .1rem 1.1rem; list-style: none; margin: 0 0 .35rem; padding: 0; font-size: .85rem; }
.legend svg { vertical-align: -2px; margin-right: .4rem; }
.chart .plot { display: block; width: 100%; height: auto; color: var(--muted); }
.narrow { display: none; }
.small { display: grid; grid-template-columns: repeat(auto-fill, minmax(min(20rem, 100%), 1fr)); gap: 0 1.5rem; }
.small figure { margin: 1rem 0; }
details { font-size: .9rem; margin-top: .4rem; }
summary { cursor: pointer; color: var(--link); }
footer { margin-top: 3rem; padding-top: .75rem; border-top: 1px solid var(--line); color: var(--muted); font-size: .85rem; }
@media screen and (max-width: 36rem) {
  body { padding: 1rem .9rem 3rem; }
  h1 { font-size: 1.4rem; }
  .wide { display: none; }
  .narrow { display: block; }
  .tiles { grid-template-columns: 1fr 1fr; gap: .5rem; }
  .tiles strong { font-size: 1.2rem; }
  table { font-size: .85rem; }
  th, td { padding-right: .6rem; }
}
@media print {
  :root { color-scheme: light; ${light} }
  * { print-color-adjust: exact; -webkit-print-color-adjust: exact; }
  @page { margin: 1.6cm; }
  body { max-width: none; padding: 0; font-size: 10.5pt; }
  a { color: inherit; text-decoration: none; }
  details { display: none; }
  figure, tr, .tiles, pre { break-inside: avoid; }
  h2, h3, h4, .chart-title { break-after: avoid; }
  .scroll { overflow: visible; }
  .wide-table table { font-size: 7pt; }
  .wide-table th, .wide-table td { padding-right: .5rem; }
}
`;
