/** @file ONNX Runtime on the calling thread: a run blocks that thread until it is done. */
import type { InferenceSession } from "onnxruntime-node";
import { PrunerError } from "../../base/problem.ts";
import type { Tensor } from "../../tensor/tensor.ts";
import type { Session, SessionOptions } from "../engine.ts";
import { checkProviders, loadOrt, type Ort } from "./load.ts";
import { fromOrt, toOrt } from "./tensors.ts";

/**
 * A session over the bytes of a model file.
 * @throws {PrunerError} `engine-missing`, `provider-unavailable`, or `engine-failed` when the runtime refuses the model.
 */
export async function openBytes(bytes: Uint8Array, options: SessionOptions = {}): Promise<Session> {
  const ort = await loadOrt();
  return sessionOver(ort, await create(ort, bytes, options, {}));
}

/** A session that keeps a record of its kernels. */
export interface ProfiledSession extends Session {
  /** Writes the record to a file. */
  endProfiling(): void;
}

/**
 * As {@link openBytes}, with the runtime's profiler on.
 * @param prefix Path that the name of the record begins with; the runtime adds a date and ".json".
 */
export async function openProfiled(
  bytes: Uint8Array,
  options: SessionOptions,
  prefix: string,
): Promise<ProfiledSession> {
  const ort = await loadOrt();
  const session = await create(ort, bytes, options, { enableProfiling: true, profileFilePrefix: prefix });
  return { ...sessionOver(ort, session), endProfiling: () => session.endProfiling() };
}

async function create(
  ort: Ort,
  bytes: Uint8Array,
  options: SessionOptions,
  more: InferenceSession.SessionOptions,
): Promise<InferenceSession> {
  checkProviders(ort, options.providers ?? []);
  const owned = bytes.buffer instanceof SharedArrayBuffer ? bytes.slice() : bytes;
  return guarded("opening the model", () =>
    ort.InferenceSession.create(owned, { ...runtimeOptions(options), ...more }),
  );
}

function runtimeOptions(options: SessionOptions): InferenceSession.SessionOptions {
  return {
    executionProviders: options.providers ?? ["cpu"],
    intraOpNumThreads: options.threads ?? 1,
    interOpNumThreads: 1,
    executionMode: "sequential",
    enableMemPattern: options.plansMemory ?? true,
    graphOptimizationLevel: options.optimization === "off" ? "disabled" : "all",
    logSeverityLevel: 4, // errors reach us as exceptions; printed as well, they would mix with our own progress
  };
}

function sessionOver(ort: Ort, session: InferenceSession): Session {
  return {
    async run(feeds: Readonly<Record<string, Tensor>>) {
      checkFeeds(session, feeds);
      const given: Record<string, InstanceType<Ort["Tensor"]>> = {};
      for (const [name, value] of Object.entries(feeds)) given[name] = toOrt(ort, name, value);
      const results = await guarded("running the model", () => session.run(given));
      const outputs: Record<string, Tensor> = {};
      for (const [name, value] of Object.entries(results)) outputs[name] = fromOrt(name, value);
      return outputs;
    },
    close: () => guarded("closing the session", () => session.release()),
  };
}

/** Names, element types, ranks and fixed sizes are checked here, where the message can name the input. */
function checkFeeds(session: InferenceSession, feeds: Readonly<Record<string, Tensor>>): void {
  const unknown = Object.keys(feeds).find((name) => !session.inputNames.includes(name));
  if (unknown !== undefined) {
    const expected = `inputs named ${session.inputNames.join(", ")}`;
    throw new PrunerError("feed-mismatch", { input: unknown, got: "a value", expected });
  }
  for (const meta of session.inputMetadata) {
    const value = feeds[meta.name];
    if (!meta.isTensor) continue;
    if (value !== undefined && value.dtype === meta.type && fits(value.shape, meta.shape)) continue;
    const got = value === undefined ? "nothing" : `${value.dtype}[${value.shape.join(", ")}]`;
    const expected = `${meta.type}[${meta.shape.join(", ")}]`;
    throw new PrunerError("feed-mismatch", { input: meta.name, got, expected });
  }
}

/** The runtime gives no sizes both for a scalar and for a shape the file leaves open, so those pass. */
function fits(shape: readonly number[], declared: readonly (number | string)[]): boolean {
  if (declared.length === 0) return true;
  return (
    shape.length === declared.length &&
    declared.every((dim, axis) => typeof dim === "string" || dim === shape[axis])
  );
}

async function guarded<T>(doing: string, work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (cause) {
    const detail = cause instanceof Error ? cause.message : String(cause);
    throw new PrunerError("engine-failed", { doing, detail }, { cause });
  }
}
