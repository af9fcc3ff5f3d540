/** @file How many channels the runtime's blocked convolutions take at a time on this processor. */
import { PrunerError } from "../base/problem.ts";
import type { Model } from "../graph/model.ts";
import { blockedDomain } from "../passes/block-convolutions.ts";
import { float32, type Tensor } from "../tensor/tensor.ts";
import type { Runner } from "./runner.ts";

const fewest = 4;

/** Brings the fewest channels there may be into blocks; as many come out as one block has. */
const probe: Model = {
  graph: {
    name: "channel-block",
    nodes: [
      {
        name: "reorder",
        opType: "ReorderInput",
        domain: blockedDomain,
        inputs: ["x"],
        outputs: ["y"],
        attributes: new Map([["channels_last", { kind: "int", value: 0 }]]),
      },
    ],
    inputs: [{ name: "x", dtype: "float32", shape: [1, fewest, 1, 1] }],
    outputs: [{ name: "y", dtype: "float32", shape: [1, undefined, 1, 1] }],
    initializers: new Map(),
    valueInfo: new Map(),
  },
  opsets: new Map([
    ["", 18],
    [blockedDomain, 1],
  ]),
  metadata: new Map(),
};

/** Channels in a block; 1 where the runtime has no blocked convolutions: on other providers and some processors. */
export async function channelBlockOf(runner: Runner): Promise<number> {
  if (runner.providers.some((provider) => provider !== "cpu")) return 1;
  const feeds = { x: float32([1, fewest, 1, 1], [1, 2, 3, 4]) };
  try {
    const results = await runner.pool.run({ kind: "forward", model: runner.share(probe), feeds });
    return (results as Readonly<Record<string, Tensor>>)["y"]!.shape[1]!;
  } catch (error) {
    if (error instanceof PrunerError && error.code === "engine-failed") return 1;
    throw error;
  }
}
