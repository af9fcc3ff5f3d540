/** @file What a thread does when a model cannot be opened. */
import { expect, test } from "vitest";
import { graphBuilder } from "../../test/helpers/build.ts";
import type { Model } from "../graph/model.ts";
import { float32 } from "../tensor/tensor.ts";
import { startRunner } from "./runner.ts";

function scaled(factor: number): Model {
  const g = graphBuilder();
  g.output(g.node("Mul", [g.input("x", ["N", 1]), g.weight([1], [factor], { name: "factor" })]), ["N", 1]);
  return g.build();
}

test("a model that cannot be opened fails once, and not again when its place is given to another", async () => {
  const runner = await startRunner({ workers: 1 });
  try {
    const run = (model: Model) =>
      runner.pool.run({ kind: "forward", model: runner.share(model), feeds: { x: float32([1, 1], [1]) } });
    const sound = scaled(1);
    const unknown = sound.graph.nodes.map((node) => ({ ...node, opType: "NoSuchOperator" }));
    await expect(run({ ...sound, graph: { ...sound.graph, nodes: unknown } })).rejects.toMatchObject({
      code: "engine-failed",
    });
    for (let k = 0; k < 20; k++) await run(scaled(k)); // more than a thread keeps open
  } finally {
    await runner.close();
  }
});
