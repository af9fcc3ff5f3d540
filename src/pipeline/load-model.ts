/** @file From a path to a model with its channels found. */
import { createHash } from "node:crypto";
import { createReadStream } from "node:fs";
import { access, stat } from "node:fs/promises";
import { PrunerError } from "../base/problem.ts";
import type { CutOptions } from "../channels/grouped-cuts.ts";
import { analyzeChannels, type ChannelAnalysis } from "../channels/groups.ts";
import type { Dim, Model, ValueInfo } from "../graph/model.ts";
import { findNonFinite } from "../graph/non-finite.ts";
import { dataFilesOf } from "../onnx/data-files.ts";
import { readModelFile } from "../onnx/read.ts";
import { type ClosedCaches, closeCaches } from "../passes/close-caches.ts";
import { openBatch } from "../passes/open-batch.ts";

export interface LoadedModel {
  readonly path: string;
  /** The model file and the files that hold its external weights. */
  readonly files: readonly string[];
  /** SHA-256 of all files, hex; of the model file alone where it has no others. */
  readonly hash: string;
  /** As in the file: what is sliced. */
  readonly analysis: ChannelAnalysis;
  /** What was taken off the model, to be put back where it is written; absent where that was not asked for. */
  readonly closed?: ClosedCaches | undefined;
}

export interface LoadOptions extends CutOptions {
  /** Shapes that replace what the file says about its inputs, by input name. */
  readonly inputShapes?: ReadonlyMap<string, readonly Dim[]> | undefined;
  /** Caches of keys and values are taken off the model and may shrink with its heads. */
  readonly shrinkCaches?: boolean | undefined;
}

/**
 * Reads a model and finds its channel groups.
 * @throws {PrunerError} What `readModelFile` throws; `invalid-option` for the shape of an unknown input, and where
 *   there is no cache that could shrink.
 */
export async function loadModel(
  path: string,
  { inputShapes, shrinkCaches = false, ...cuts }: LoadOptions = {},
): Promise<LoadedModel> {
  const read = await readModelFile(path);
  const files = [path, ...dataFilesOf(read)];
  const model = withShapes(read, inputShapes);
  const closed = shrinkCaches ? withoutCaches(model) : undefined;
  const analysis = analyzeChannels(closed?.model ?? model, cuts);
  return { path, files, hash: await hashOf(files), analysis, ...(closed !== undefined && { closed }) };
}

function withoutCaches(model: Model): ClosedCaches {
  const closed = closeCaches(model);
  if (closed !== undefined) return closed;
  throw new PrunerError("invalid-option", {
    option: "shrink-caches",
    got: "a model without caches",
    expected: "inputs of open length that one node lengthens and hands on as outputs",
  });
}

/**
 * The model as it is run: many examples at once. Shares groups and channel numbers with the model as it is sliced.
 * @throws {PrunerError} `fixed-batch`, and `weights-not-finite` for weights that would spoil every number.
 */
export function runnable({ path, analysis }: LoadedModel): ChannelAnalysis {
  const found = findNonFinite(analysis.model);
  if (found !== undefined) throw new PrunerError("weights-not-finite", { path, ...found });
  const opened = openBatch(analysis.model);
  return opened === analysis.model ? analysis : analyzeChannels(opened, analysis);
}

function withShapes(model: Model, shapes: ReadonlyMap<string, readonly Dim[]> | undefined): Model {
  if (shapes === undefined || shapes.size === 0) return model;
  const names = model.graph.inputs.map(({ name }) => name);
  for (const name of shapes.keys()) {
    if (!names.includes(name)) {
      throw new PrunerError("invalid-option", {
        option: "input-shape",
        got: name,
        expected: `one of the inputs ${names.join(", ")}`,
      });
    }
  }
  const inputs = model.graph.inputs.map((input): ValueInfo => {
    const shape = shapes.get(input.name);
    return shape === undefined ? input : { ...input, shape };
  });
  return { ...model, graph: { ...model.graph, inputs } };
}

async function hashOf(paths: readonly string[]): Promise<string> {
  const hash = createHash("sha256");
  for (const path of paths) {
    if (path !== paths[0] && !(await isThere(path))) continue; // told by whoever reads the weights
    for await (const chunk of createReadStream(path)) hash.update(chunk as Buffer);
  }
  return hash.digest("hex");
}

/** Bytes a model takes on disk, external weights included. */
export async function sizeOnDisk({ files }: Pick<LoadedModel, "files">): Promise<number> {
  const sizes = await Promise.all(files.map(async (path) => (await stat(path)).size));
  return sizes.reduce((sum, size) => sum + size, 0);
}

function isThere(path: string): Promise<boolean> {
  return access(path).then(
    () => true,
    () => false,
  );
}
