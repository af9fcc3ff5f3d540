/** @file What inspect found, as text. In a file of its own, since a cold start should load nothing that it does not need. */
import { cachesNote } from "./caches.ts";
import { compact, percent, whole } from "./format.ts";
import type { Inspection } from "./records.ts";
import { table } from "./table.ts";

/** Cost and groups of a model. */
export function inspectionText(found: Inspection): string {
  const value = ({ name, dtype, shape }: Inspection["inputs"][number]) =>
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
  const groups = table(head, rows, ["left", "right", "right", "right", "right", "right", "left"]);
  const caches = cachesNote(found);
  return [...lines, groups, ...(caches === "" ? [] : ["", caches])].join("\n");
}

function notes({ blocks, reason, lockedBy, locked }: Inspection["groups"][number]): string {
  const parts: string[] = [];
  if (blocks !== null) parts.push(`equal numbers stay in each of ${blocks} blocks`);
  if (reason !== null)
    parts.push(
      `${locked ? "" : "in part: "}${reason}${lockedBy === null || lockedBy === "graph output" ? "" : ` (${lockedBy})`}`,
    );
  return parts.join("; ");
}
