/** @file The promise of the product on models that onnxruntime has optimized and saved: fused operators, other names. */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { costModelOf, fullCost } from "../src/channels/cost.ts";
import { analyzeChannels } from "../src/channels/groups.ts";
import { costOfMasks } from "../src/channels/plan.ts";
import { loadOrt } from "../src/engine/ort/load.ts";
import type { Model } from "../src/graph/model.ts";
import { stream } from "../src/math/random.ts";
import { readModel } from "../src/onnx/read.ts";
import { encodeModel } from "../src/onnx/write.ts";
import { architectures } from "./helpers/architectures/index.ts";
import { temporaryFolder } from "./helpers/command.ts";
import { plansOf } from "./helpers/random-plan.ts";
import { randomFeeds, slicingEqualsMasking, subjectOf } from "./helpers/slicing-property.ts";

/** Plans for each network; PLANS=200 makes the long run. */
const plans = Number(process.env["PLANS"] ?? 2);
const folder = temporaryFolder();

/** What the runtime writes when it has fused what it can without regard to the machine. */
async function optimized(model: Model): Promise<Model> {
  const path = join(folder.path, "optimized.onnx");
  const ort = await loadOrt();
  const session = await ort.InferenceSession.create(encodeModel(model), {
    graphOptimizationLevel: "extended",
    optimizedModelFilePath: path,
    logSeverityLevel: 4,
  });
  await session.release();
  return readModel(readFileSync(path));
}

/** Share of the parameters that goes when every removable channel goes. */
function prunableShare(model: Model): number {
  const analysis = analyzeChannels(model);
  const cost = costModelOf(analysis);
  const none = analysis.groups.map(({ channels }) => new Uint8Array(channels));
  return 1 - costOfMasks(cost, none).parameters / fullCost(cost).parameters;
}

describe.each(Object.entries(architectures))("%s", (_family, own) => {
  test.each(own)("$name", async ({ build, tolerance = 1e-4 }) => {
    const plain = build();
    const model = await optimized(plain);
    expect(prunableShare(model)).toBeGreaterThan(prunableShare(plain) - 0.01);
    const subject = await subjectOf(model, randomFeeds(plain, stream(7, 0)));
    let first = true;
    await fc.assert(
      fc.asyncProperty(plansOf(subject.analysis), async (masks) => {
        await slicingEqualsMasking(subject, masks, { tolerance, optimized: first, again: first });
        first = false;
      }),
      { seed: 9, numRuns: plans },
    );
    await subject.masked.close();
  });
});
