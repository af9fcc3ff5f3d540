/** @file docs/architectures.md as text: one row a model, what of it can be removed and what holds the rest. */
import { analyzeChannels } from "../src/channels/groups.ts";
import { inspectModel } from "../src/pipeline/inspect.ts";
import { loadModel } from "../src/pipeline/load-model.ts";
import { percent, whole } from "../src/report/format.ts";
import type { InspectedGroup, Inspection } from "../src/report/records.ts";
import type { Architecture } from "../test/helpers/architectures/architecture.ts";

export const pageCommand = "npm run architectures";

const head = `# Architectures

What \`inspect\` finds in each model: its channel groups, the share of its parameters that belong to removable channels, and
what holds the rest. \`shapley-pruner inspect MODEL\` shows the same for a model of yours, and \`--explain GROUP\` the
nodes that tie the layers of a group together.

\`${pageCommand}\` makes this page; do not edit it by hand.

## Trained and exported models

The first model is part of the package. The others are optional: they are read from a folder \`shared/models\` beside the
repository, and a model that is not there has no row.

${columns("model")}
`;

const builtHead = `
## Built in the tests

Small copies with random weights, as exporters write them (\`test/helpers/architectures/\`). Hundreds of random plans have been
sliced out of each, and what was left computes what the whole computes with those channels silent
(\`PLANS=200 npx vitest run test/architecture-builders.test.ts\`). Having few channels, they spend a larger share of their
parameters on first and last layers than the originals do.
`;

function columns(first: string): string {
  return `| ${first} | operator set | nodes | groups | prunable parameters | locked and why |
| --- | ---: | ---: | ---: | ---: | --- |`;
}

export interface PageModel {
  readonly name: string;
  readonly path: string;
}

/** The whole page. A model whose bytes were told already has no second row. */
export async function architecturePage(
  models: readonly PageModel[],
  families: Readonly<Record<string, readonly Architecture[]>> = {},
): Promise<string> {
  const rows = new Map<string, string>();
  for (const { name, path } of models) {
    const found = inspectModel(await loadModel(path));
    if (!rows.has(found.hash)) rows.set(found.hash, architectureRow(name, found));
  }
  const built = Object.entries(families).map(([family, own]) => `\n${familyTable(family, own)}`);
  return `${head}${[...rows.values()].join("\n")}\n${built.length === 0 ? "" : builtHead}${built.join("")}`;
}

function familyTable(family: string, own: readonly Architecture[]): string {
  return `${columns(family)}\n${own.map(builtRow).join("\n")}\n`;
}

/** One line about a network that is built anew. */
export function builtRow({ name, build }: Architecture): string {
  const analysis = analyzeChannels(build());
  return architectureRow(name, inspectModel({ path: name, files: [], hash: "", analysis }));
}

/** One line of the table. */
export function architectureRow(name: string, found: Inspection): string {
  const locked = found.groups.filter((group) => group.locked).length;
  const share = found.parameters === 0 ? 0 : found.prunableParameters / found.parameters;
  const cells = [
    name,
    String(found.opset),
    whole(found.nodes),
    `${found.groups.length}${locked === 0 ? "" : ` (${locked} locked)`}`,
    percent(share),
    found.groups.flatMap(lockText).join("; "),
  ];
  return `| ${cells.map((cell) => cell.replaceAll("|", "\\|")).join(" | ")} |`;
}

function lockText({ id, channels, prunable, reason, lockedBy }: InspectedGroup): string[] {
  if (reason === null) return [];
  const node = lockedBy === null || lockedBy === "graph output" ? "" : ` (\`${lockedBy}\`)`;
  const held = prunable === 0 ? "" : `${channels - prunable} of ${channels} channels, `;
  return [`\`${id}\`: ${held}${reason}${node}`];
}
