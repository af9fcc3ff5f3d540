/** @file Which files beside a model hold its weights. */
import type { ModelProto } from "onnx-buf";
import type { Model } from "../graph/model.ts";
import { tensorsOf } from "./messages.ts";
import { externalRangeOf } from "./tensor-data.ts";

/** Paths of the external data files a model was read with, each once, sorted; empty for models in one file. */
export function dataFilesOf(model: Model): string[] {
  if (model.origin === undefined) return [];
  const paths = new Set<string>();
  for (const tensor of tensorsOf(model.origin as ModelProto)) {
    const path = externalRangeOf(tensor)?.file.path;
    if (path !== undefined) paths.add(path);
  }
  return [...paths].sort();
}
