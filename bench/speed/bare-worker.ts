/** @file A thread that runs one model on the same feeds again and again, with nothing around the runtime. */
import * as onnxruntime from "onnxruntime-node";
import { toOrt } from "../../src/engine/ort/tensors.ts";
import type { Tensor } from "../../src/tensor/tensor.ts";
import { serve } from "../../src/workers/serve.ts";

export interface BareSetup {
  readonly bytes: Uint8Array;
  readonly feeds: Readonly<Record<string, Tensor>>;
}

const runtime = onnxruntime.default;

serve<BareSetup, number, void>(async ({ bytes, feeds }) => {
  const session = await runtime.InferenceSession.create(bytes.slice(), {
    intraOpNumThreads: 1,
    interOpNumThreads: 1,
  });
  const given = Object.fromEntries(
    Object.entries(feeds).map(([name, value]) => [name, toOrt(runtime, name, value)]),
  );
  return async (runs) => {
    for (let run = 0; run < runs; run++) await session.run(given);
  };
});
