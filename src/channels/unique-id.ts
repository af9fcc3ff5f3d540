/** @file Names for channel groups. */
import { nodeLabel } from "../graph/model.ts";
import type { Source } from "./labelling.ts";

/** The layer's name as its weight tells it ("layer1.0.conv1"), else the node's name without its operator. */
export function layerName(source: Source): string {
  const fromWeight = /^(.+)[./](?:weight|kernel|W)(?:_quantized)?$/.exec(source.value)?.[1];
  const fromNode = nodeLabel(source.node)
    .replace(/^\//, "")
    .replace(new RegExp(`/${source.node.opType}(_\\d+)?$`), "");
  return fromWeight ?? fromNode;
}

/** {@link layerName}, with a number behind it from the second of a name on. */
export function uniqueId(source: Source, taken: Set<string>): string {
  const base = layerName(source);
  let id = base;
  for (let k = 2; taken.has(id); k++) id = `${base}#${k}`;
  taken.add(id);
  return id;
}
