/** @file docs/architectures.md as text: one row a model, what of it can be removed and what holds the rest. */
import { inspectModel } from "../src/pipeline/inspect.ts";
import { loadModel } from "../src/pipeline/load-model.ts";
import { percent, whole } from "../src/report/format.ts";
import type { InspectedGroup, Inspection } from "../src/report/records.ts";

export const pageCommand = "npm run architectures";

const head = `# Architectures

What \`inspect\` finds in each model: its channel groups, the share of its parameters that belong to removable channels, and
what holds the rest. \`shapley-pruner inspect MODEL\` shows the same for a model of yours, and \`--explain GROUP\` the
nodes that tie the layers of a group together.

\`${pageCommand}\` makes this page; do not edit it by hand. The first model is part of the package. The others are optional:
they are read from a folder \`shared/models\` beside the repository, and a model that is not there has no row.

| model | operator set | nodes | groups | prunable parameters | locked and why |
| --- | ---: | ---: | ---: | ---: | --- |
`;

export interface PageModel {
  readonly name: string;
  readonly path: string;
}

/** The whole page. A model whose bytes were told already has no second row. */
export async function architecturePage(models: readonly PageModel[]): Promise<string> {
  const rows = new Map<string, string>();
  for (const { name, path } of models) {
    const found = inspectModel(await loadModel(path));
    if (!rows.has(found.hash)) rows.set(found.hash, architectureRow(name, found));
  }
  return `${head}${[...rows.values()].join("\n")}\n`;
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
