import { join } from "node:path";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { graphBuilder } from "../../test/helpers/build.ts";
import { networks } from "../../test/helpers/networks.ts";
import { plansOf, randomPlan } from "../../test/helpers/random-plan.ts";
import { type SharedFile, sharedModel } from "../../test/helpers/shared.ts";
import { stream } from "../math/random.ts";
import { readModelFile } from "../onnx/read.ts";
import { channelCosts, costMeter, costModelOf, fullCost, trainableConstants } from "./cost.ts";
import { analyzeChannels } from "./groups.ts";
import { costOfMasks } from "./plan.ts";

const bundled: SharedFile = { path: join(import.meta.dirname, "../../assets/lenet5-mnist.onnx") };

describe.each([
  { name: "LeNet-5", file: bundled, parameters: 40_165, macs: 498_750 },
  { name: "ResNet-20", file: sharedModel("resnet20-cifar10"), parameters: 269_722, macs: 40_551_040 },
  { name: "ResNet-56", file: sharedModel("resnet56-cifar10"), parameters: 853_018, macs: 125_485_696 },
])("$name", ({ file, parameters, macs }) => {
  const title = `has ${parameters} parameters and takes ${macs} MACs ${file.reason ?? ""}`;
  test.skipIf(file.path === undefined)(title, async () => {
    const model = costModelOf(analyzeChannels(await readModelFile(file.path!)));
    expect(fullCost(model)).toEqual({ parameters, macs });
    expect(model.openSizes).toEqual([]);
  });
});

describe("the running cost", () => {
  test.each(networks)(
    "$name: any order of removals and returns ends at the cost of what is left",
    ({ build }) => {
      const analysis = analyzeChannels(build());
      const model = costModelOf(analysis);
      fc.assert(
        fc.property(plansOf(analysis), fc.nat(), (masks, seed) => {
          const meter = costMeter(model);
          const detour = randomPlan(analysis, 0.5, stream(seed, 0));
          const visit = (act: (group: number, channel: number) => void, plan: typeof masks) => {
            for (const [group, mask] of plan.entries())
              for (const [channel, stays] of mask.entries()) if (stays === 0) act(group, channel);
          };
          visit(meter.remove, detour);
          visit(meter.restore, detour);
          expect(meter.cost()).toEqual(fullCost(model));
          visit(meter.remove, masks);
          expect(meter.cost()).toEqual(costOfMasks(model, masks));
        }),
        { numRuns: 10 },
      );
    },
  );

  test("what a channel saves is what its removal alone takes away", () => {
    const { build } = networks.find(({ name }) => name === "squeeze and excitation")!;
    const model = costModelOf(analyzeChannels(build()));
    const savings = channelCosts(model);
    // c1: a filter of 27 weights and a bias, its two rows in the gate, a bias there, two columns of the classifier.
    expect(savings[0]).toEqual(Array(4).fill({ macs: 27 * 36 + 2 + 2 + 2, parameters: 28 + 2 + 2 + 1 + 2 }));
  });
});

test("statistics, paddings and sizes are no parameters; open sizes are reported", () => {
  const g = graphBuilder();
  const x = g.input("x", ["N", 3, "T"]);
  const own = () => g.weight([4]);
  const hidden = g.node("Conv", [x, g.weight([4, 3, 3]), own()]);
  g.output(g.node("BatchNormalization", [hidden, own(), own(), own(), own()]));
  const analysis = analyzeChannels(g.build());
  expect(trainableConstants(analysis)).toEqual(["w0", "w1", "w2", "w3"]);
  const model = costModelOf(analysis);
  expect(fullCost(model)).toEqual({ macs: 4 * 3 * 3, parameters: 36 + 4 + 4 + 4 });
  expect(model.openSizes).toHaveLength(1);
});
