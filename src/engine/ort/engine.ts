/** @file ONNX Runtime behind the Engine interface, on the calling thread or in one of its own. */
import type { Model } from "../../graph/model.ts";
import { encodeModel } from "../../onnx/write.ts";
import type { Engine, Session, SessionOptions } from "../engine.ts";
import { openBytes } from "./direct.ts";
import { openBytesInWorker } from "./worker.ts";

/** onnxruntime-node on the calling thread, which every run blocks: right inside worker threads and in tests. */
export const ortEngine: Engine = {
  name: "onnxruntime",
  open: async (model, options) => openBytes(encodeModel(model), options),
};

/**
 * A session in a worker thread, so that the caller's event loop stays free.
 * @throws {PrunerError} `engine-missing`, `provider-unavailable`, `engine-failed`; `worker-died` while running.
 */
export async function openInWorker(model: Model, options?: SessionOptions): Promise<Session> {
  return openBytesInWorker(encodeModel(model), options);
}
