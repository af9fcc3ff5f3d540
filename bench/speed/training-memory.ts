/**
 * @file Memory of training steps of one network, in a process of its own:
 * `tsx training-memory.ts NETWORK EXAMPLES` prints the bytes by which the process grew at most.
 */
import { openBytes } from "../../src/engine/ort/direct.ts";
import { encodeModel } from "../../src/onnx/write.ts";
import type { Tensor } from "../../src/tensor/tensor.ts";
import { mostHeld } from "./most-held.ts";
import { batchesFor, graphOf } from "./training-setup.ts";

const [network, examples] = process.argv.slice(2) as [string, string];
const graph = graphOf(network);
const bytes = encodeModel(graph.model);
const [shard] = batchesFor(network, graph, Number(examples))(Number(examples));
const feeds: Record<string, Tensor> = { ...shard!.feeds };
for (const { name } of graph.parameters.entries)
  feeds[name] = graph.network.graph.initializers.get(name)!.load();
const before = process.memoryUsage.rss();
const session = await openBytes(bytes, { plansMemory: false }); // as the threads open it
for (let step = 0; step < 3; step++) await session.run(feeds);
console.log(mostHeld() - before);
await session.close();
