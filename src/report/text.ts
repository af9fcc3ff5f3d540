/** @file Results as text for a terminal. */
import { bytes, compact, percent, short, whole } from "./format.ts";
import { table } from "./table.ts";

interface Figures {
  readonly accuracy: number | null;
  readonly accuracyInterval: readonly [number, number] | null;
  readonly loss: number | null;
  readonly lossInterval: readonly [number, number] | null;
  readonly divergence: number | null;
  readonly parameters: number;
  readonly macs: number;
  readonly bytes: number;
  readonly latencyMs: Readonly<Record<string, number>> | null;
  readonly latencyQuartilesMs: Readonly<Record<string, readonly [number, number]>> | null;
}

/** The table before and after; one column of figures when there is nothing to compare with. */
export function figuresTable(before: Figures | null, after: Figures): string {
  const columns = before === null ? [after] : [before, after];
  const rows: string[][] = [];
  const add = (
    name: string,
    of: (figures: Figures) => string | undefined,
    change?: (a: Figures, b: Figures) => string,
  ) => {
    const cells = columns.map(of);
    if (cells.every((cell) => cell === undefined)) return;
    rows.push([
      name,
      ...cells.map((cell) => cell ?? "-"),
      ...(before === null ? [] : [change?.(before, after) ?? ""]),
    ]);
  };
  const share = (of: (figures: Figures) => number) => (a: Figures, b: Figures) => percent(of(b) / of(a), 1);
  add(
    "accuracy",
    ({ accuracy, accuracyInterval }) =>
      accuracy === null
        ? undefined
        : `${percent(accuracy)} (${percent(accuracyInterval![0])} to ${percent(accuracyInterval![1])})`,
    (a, b) =>
      a.accuracy === null || b.accuracy === null
        ? ""
        : `${signed(100 * (b.accuracy - a.accuracy), 2)} points`,
  );
  add(
    "loss",
    ({ loss, lossInterval }) =>
      loss === null ? undefined : `${short(loss)} (${short(lossInterval![0])} to ${short(lossInterval![1])})`,
    (a, b) => (a.loss === null || b.loss === null ? "" : signed(b.loss - a.loss, 4)),
  );
  add("divergence from original (nats)", ({ divergence }) =>
    divergence === null ? undefined : short(divergence),
  );
  add(
    "parameters",
    ({ parameters }) => whole(parameters),
    share(({ parameters }) => parameters),
  );
  add(
    "MACs",
    ({ macs }) => whole(macs),
    share(({ macs }) => macs),
  );
  add(
    "file",
    ({ bytes: size }) => bytes(size),
    share(({ bytes: size }) => size),
  );
  for (const batch of Object.keys(after.latencyMs ?? {})) {
    add(
      `median latency, batch ${batch}`,
      ({ latencyMs, latencyQuartilesMs }) => {
        if (latencyMs?.[batch] === undefined) return undefined;
        const [low, high] = latencyQuartilesMs![batch]!;
        return `${latencyMs[batch].toFixed(2)} ms (${low.toFixed(2)} to ${high.toFixed(2)})`;
      },
      share(({ latencyMs }) => latencyMs?.[batch] ?? Number.NaN),
    );
  }
  return table(before === null ? ["", "model"] : ["", "before", "after", "after / before"], rows);
}

function signed(value: number, digits: number): string {
  return `${value >= 0 ? "+" : ""}${value.toFixed(digits)}`;
}

interface Inspected {
  readonly path: string;
  readonly opset: number;
  readonly nodes: number;
  readonly parameters: number;
  readonly macs: number;
  readonly openSizes: readonly string[];
  readonly prunableParameters: number;
  readonly inputs: readonly {
    readonly name: string;
    readonly dtype: string;
    readonly shape: readonly unknown[] | null;
  }[];
  readonly outputs: readonly {
    readonly name: string;
    readonly dtype: string;
    readonly shape: readonly unknown[] | null;
  }[];
  readonly groups: readonly {
    readonly id: string;
    readonly channels: number;
    readonly prunable: number;
    readonly locked: boolean;
    readonly reason: string | null;
    readonly lockedBy: string | null;
    readonly macsPerChannel: number;
    readonly parametersPerChannel: number;
    readonly blocks: number | null;
    readonly producers: readonly string[];
  }[];
}

export function inspectionText(found: Inspected): string {
  const value = ({ name, dtype, shape }: Inspected["inputs"][number]) =>
    `${name} ${dtype}[${(shape ?? ["?"]).map((dim) => dim ?? "?").join(", ")}]`;
  const open =
    found.openSizes.length === 0
      ? ""
      : ` (sizes left open count as 1: ${found.openSizes.join(", ")}; see --input-shape)`;
  const lines = [
    `${found.path}: operator set ${found.opset}, ${whole(found.nodes)} nodes`,
    `  inputs      ${found.inputs.map(value).join(", ")}`,
    `  outputs     ${found.outputs.map(value).join(", ")}`,
    `  parameters  ${whole(found.parameters)}, of which ${percent(found.parameters === 0 ? 0 : found.prunableParameters / found.parameters, 1)} belong to removable channels`,
    `  MACs        ${whole(found.macs)} per example${open}`,
    "",
  ];
  const rows = found.groups.map((group) => [
    group.id,
    String(group.channels),
    group.locked ? "locked" : String(group.prunable),
    group.locked ? "" : compact(group.macsPerChannel),
    group.locked ? "" : compact(group.parametersPerChannel),
    String(group.producers.length),
    notes(group),
  ]);
  const head = ["group", "channels", "removable", "MACs/channel", "params/channel", "layers", "notes"];
  return [...lines, table(head, rows, ["left", "right", "right", "right", "right", "right", "left"])].join(
    "\n",
  );
}

function notes({ blocks, reason, lockedBy, locked }: Inspected["groups"][number]): string {
  const parts: string[] = [];
  if (blocks !== null) parts.push(`equal numbers stay in each of ${blocks} blocks`);
  if (reason !== null)
    parts.push(
      `${locked ? "" : "in part: "}${reason}${lockedBy === null || lockedBy === "graph output" ? "" : ` (${lockedBy})`}`,
    );
  return parts.join("; ");
}

interface Scored {
  readonly id: string;
  readonly channels: number;
  readonly values: readonly number[];
  readonly standardErrors: readonly (number | null)[];
  readonly rows: number;
}

/** Channels of each group from least to most useful, with the spread of their values. */
export function scoresText(groups: readonly Scored[], limit = 8): string {
  const rows = groups.map(({ id, channels, values, standardErrors, rows: spent }) => {
    const order = values.map((_, channel) => channel).sort((a, b) => values[a]! - values[b]! || a - b);
    const errors = standardErrors.filter((error) => error !== null);
    const shown = order.slice(0, limit).map((channel) => `${channel} (${short(values[channel]!)})`);
    return [
      id,
      String(channels),
      shown.join(", ") + (order.length > limit ? ", ..." : ""),
      short(Math.max(...values)),
      errors.length === 0 ? "-" : short(errors.reduce((sum, error) => sum + error, 0) / errors.length),
      whole(spent),
    ];
  });
  return table(
    ["group", "channels", "least useful channels (value)", "largest", "mean error", "rows"],
    rows,
    ["left", "right", "left", "right", "right", "right"],
  );
}

/** How many channels of each group stay. */
export function keptText(
  groups: readonly { readonly id: string; readonly channels: number; readonly kept: number }[],
): string {
  const rows = groups.map(({ id, channels, kept }) => [
    id,
    String(channels),
    String(kept),
    percent(kept / channels, 0),
  ]);
  return table(["group", "channels", "kept", "share"], rows);
}
