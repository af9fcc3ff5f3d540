/** @file Thread entry: one ONNX Runtime session that answers feeds with results. */
import { Handover, serve } from "../../workers/serve.ts";
import { openBytes } from "./direct.ts";
import type { Feeds, Results, SessionSetup } from "./worker.ts";

serve(async ({ bytes, options }: SessionSetup) => {
  const session = await openBytes(bytes, options);
  return async (feeds: Feeds): Promise<Handover<Results>> => {
    const results = await session.run(feeds);
    const buffers = new Set(Object.values(results).map((value) => value.data.buffer as ArrayBuffer));
    return new Handover(results, [...buffers]);
  };
});
