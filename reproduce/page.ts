/** @file docs/results.md as text, from the results of the studies. */
import { cellText, type StudyResult } from "./results.ts";
import type { Check, StudyTable } from "./study.ts";

const head = `# Results

What the recipes of "Shapley Pruning for Neural Network Compression" (Adamczewski, Li and Van Gool, 2024, arXiv:2407.15875)
give with this program. Every section is one command; \`npm run reproduce -- page\` makes this page from
\`reproduce/results/*.json\`, so do not edit it by hand. Figures are ours and measured, unless a column says published. The
paper's own accuracies are not on this page: its tables were not at hand, and nothing here claims to match them.

Interrupted studies go on where they stopped when the command is repeated: finished pieces are kept in \`reproduce/work\`.
Models and data that are not part of the repository are looked for in \`../shared\`; \`--models DIR\` and \`--data DIR\` name
other folders. Seeds are those the commands show. Minutes are those of all pieces added up, also where they ran side by side.

But for layer robustness, rows of \`sequential\` and of prune commands that name no estimator are from before most rows of \`sequential\` went to the channels near the cut
and before it became what \`prune\` takes ([choosing an estimator](choosing-an-estimator.md) has both side by side).
`;

/** The whole page. */
export function resultsPage(results: readonly StudyResult[]): string {
  return `${[head.trimEnd(), ...results.map(sectionOf)].join("\n\n")}\n`;
}

function sectionOf(result: StudyResult): string {
  const { title, name, tables, checks, remarks, commands } = result;
  const parts = [
    `## ${title}`,
    `\`npm run reproduce -- ${name}\`, ${costText(result)}.`,
    ...tables.map(tableText),
    checks.map(checkText).join("\n"),
    remarks.join("\n\n"),
    commands.length === 0 ? "" : commandsText(commands),
  ];
  return parts.filter((part) => part !== "").join("\n\n");
}

/** What it took, and on what. */
function costText({ minutes, load, where }: StudyResult): string {
  const { cpu, threads, node, runtime } = where;
  const cores = Number(threads);
  const shared =
    load > cores + 1
      ? `; other work ran beside it (up to ${load} processes for ${cores} cores), so it takes less on a quiet machine`
      : "";
  const time = minutes < 1.5 ? "a minute" : `${minutes.toFixed(0)} minutes`;
  return `${time} on ${cores} cores (${cpu}, Node ${node}, ${runtime})${shared}`;
}

function tableText({ title, columns, rows, notes }: StudyTable): string {
  const cells = rows.map((row) => row.map((cell) => cellText(cell).replaceAll("|", "\\|")));
  const isNumeric = columns.map((_, k) => k > 0 && cells.some((row) => /^[-\d]/.test(row[k] ?? "")));
  const lines = [
    `| ${columns.join(" | ")} |`,
    `| ${isNumeric.map((right) => (right ? "---:" : "---")).join(" | ")} |`,
    ...cells.map((row) => `| ${row.join(" | ")} |`),
  ];
  return [`**${title}**`, lines.join("\n"), notes.join("\n")].filter((part) => part !== "").join("\n\n");
}

function checkText({ says, measured, met }: Check): string {
  return `- ${met ? "met" : "**missed**"}: ${says} (measured ${measured})`;
}

/** Commands shown in full; the others of a long list differ only in seeds, names or criteria. */
const mostShown = 8;

function commandsText(commands: readonly string[]): string {
  const shown = commands.slice(0, mostShown);
  const more =
    commands.length > mostShown
      ? [`# and ${commands.length - mostShown} more, which differ in seed, criterion or sizes`]
      : [];
  return ["```sh", ...shown, ...more, "```"].join("\n");
}
