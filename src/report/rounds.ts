/** @file What repair and tuning did, for the terminal. */
import type { LayerRepair } from "../repair/index.ts";
import { percent, short, whole } from "./format.ts";
import type { RoundRecord, Stage } from "./records.ts";
import { table } from "./table.ts";

/** Layers up to which each gets a line of its own. */
const listed = 24;

/** Quality after cutting, repair and tuning, one line a round; empty when nothing can be said. */
export function roundsTable(rounds: readonly RoundRecord[]): string {
  const names = { sliced: "cut", repaired: "repaired", tuned: "tuned" } as const;
  const kinds = (Object.keys(names) as Stage["stage"][]).filter((kind) =>
    rounds.some(({ stages }) => stages.some(({ stage }) => stage === kind)),
  );
  const measured = rounds.some(({ stages }) =>
    stages.some(({ accuracy, loss }) => accuracy !== null || loss !== null),
  );
  if (kinds.length < 2 || !measured) return "";
  const cell = ({ stages }: RoundRecord, kind: Stage["stage"]): string => {
    const found = stages.find(({ stage }) => stage === kind);
    if (found === undefined) return "-";
    return found.accuracy === null ? short(found.loss ?? Number.NaN) : percent(found.accuracy);
  };
  const isAccuracy = rounds.every(({ stages }) => stages.every(({ accuracy }) => accuracy !== null));
  const head = ["round", ...kinds.map((kind) => names[kind])];
  const rows = rounds.map((round) => [String(round.round), ...kinds.map((kind) => cell(round, kind))]);
  return `${isAccuracy ? "Accuracy" : "Loss"} after each round of removing:\n${table(head, rows)}`;
}

/** Residuals of the layers that the last round repaired: each where they are few, else a summary. */
export function repairText(rounds: readonly RoundRecord[]): string {
  const layers = rounds.at(-1)?.repair ?? [];
  const judged = layers.filter(({ residualBefore }) => residualBefore !== undefined);
  if (judged.length === 0) return "";
  const accepted = judged.filter((layer) => layer.accepted);
  const summary = `Repaired ${whole(accepted.length)} of ${whole(judged.length)} layers that read removed channels; median residual ${short(median(judged, "residualBefore"), 2)} -> ${short(median(judged, "residualAfter"), 2)} of what the original computes.`;
  if (judged.length > listed) return `${summary} --json lists them all.`;
  const rows = judged.map(({ node, residualBefore, residualAfter, ridge, accepted: taken, reason }) => [
    node,
    short(residualBefore!, 2),
    residualAfter === undefined ? "-" : short(residualAfter, 2),
    ridge === undefined ? "-" : short(ridge, 1),
    reason ?? (taken ? "" : "left as it was"),
  ]);
  return `${summary}\n${table(["layer", "residual cut", "repaired", "ridge", ""], rows)}`;
}

function median(layers: readonly LayerRepair[], key: "residualBefore" | "residualAfter"): number {
  const values = layers.map((layer) => layer[key] ?? layer.residualBefore!).sort((a, b) => a - b);
  return values[Math.floor(values.length / 2)]!;
}
