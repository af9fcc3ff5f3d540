/** @file Reads ONNX models: bytes or a file, with weights beside it, into the IR. Bytes are hostile until checked. */
import { realpath } from "node:fs/promises";
import { dirname } from "node:path";
import { fromBinary } from "@bufbuild/protobuf";
import { type ModelProto, ModelProtoSchema } from "onnx-buf";
import { readBytes } from "../base/atomic-file.ts";
import { isProblem, PrunerError } from "../base/problem.ts";
import { checkGraph } from "../graph/check.ts";
import type { Model } from "../graph/model.ts";
import { type DataFiles, dataFilesIn } from "./external-data.ts";
import { modelFromProto } from "./from-proto.ts";
import { tensorsOf } from "./messages.ts";
import { otherFormat } from "./other-format.ts";
import { locate } from "./tensor-data.ts";

/** Oldest files we read. */
const oldest = { irVersion: 3, opset: 9 } as const;

export interface ReadOptions {
  /** Folder that external data lie in; without it such weights cannot be loaded. */
  readonly folder?: string | undefined;
  /** What messages call the model; "model" when left out. */
  readonly path?: string | undefined;
}

/**
 * Reads a model. The tensors are views over `bytes`, which must not change afterwards; external data are read when a
 * tensor is loaded.
 * @throws {PrunerError} `model-not-onnx`, `model-damaged`, `model-version`, `tensor-invalid`, `external-data-refused`
 * or one of the `graph-...` codes.
 */
export function readModel(bytes: Uint8Array, options: ReadOptions = {}): Model {
  return readWith(bytes, options.path ?? "model", dataFilesIn(options.folder));
}

/**
 * Reads a model file.
 * @throws {PrunerError} `file-not-found`, `file-unreadable` or any code of {@link readModel}.
 */
export async function readModelFile(path: string): Promise<Model> {
  const bytes = await readBytes(path);
  const linkedFolder = dirname(await realpath(path));
  return readWith(bytes, path, dataFilesIn(dirname(path), linkedFolder));
}

function readWith(bytes: Uint8Array, path: string, files: DataFiles): Model {
  const proto = parse(bytes, path);
  checkVersions(proto, path);
  for (const tensor of tensorsOf(proto)) locate(tensor, files);
  return checkGraph(modelFromProto(proto, path));
}

function parse(bytes: Uint8Array, path: string): ModelProto {
  const other = otherFormat(bytes);
  if (other !== undefined) throw new PrunerError("model-not-onnx", { path, detail: other });
  try {
    return fromBinary(ModelProtoSchema, bytes);
  } catch (cause) {
    if (isProblem(cause)) throw cause;
    const detail = cause instanceof Error ? cause.message : String(cause);
    throw new PrunerError("model-damaged", { path, detail }, { cause });
  }
}

function checkVersions(proto: ModelProto, path: string): void {
  if (proto.graph === undefined)
    throw new PrunerError("model-not-onnx", { path, detail: "it holds no graph" });
  const irVersion = Number(proto.irVersion);
  if (irVersion < oldest.irVersion)
    throw new PrunerError("model-version", {
      path,
      what: "IR version",
      found: irVersion,
      needed: oldest.irVersion,
    });
  for (const { domain, version } of proto.opsetImport) {
    if ((domain === "" || domain === "ai.onnx") && version < oldest.opset)
      throw new PrunerError("model-version", {
        path,
        what: "opset",
        found: Number(version),
        needed: oldest.opset,
      });
  }
}
