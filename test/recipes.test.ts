/** @file The recipes are valid, name groups that are there, and leave what the papers' architectures have. */
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { exactCounts } from "../src/budget/counts.ts";
import { costModelOf, fullCost } from "../src/channels/cost.ts";
import { analyzeChannels } from "../src/channels/groups.ts";
import { readConfig } from "../src/cli/config.ts";
import { commandsWithConfig } from "../src/cli/program.ts";
import { buildNetwork } from "../src/networks/index.ts";
import { readModelFile } from "../src/onnx/read.ts";
import { openBatch } from "../src/passes/open-batch.ts";
import { rankableGroups } from "../src/pipeline/rank.ts";
import { sliceModel } from "../src/surgery/slice.ts";
import { sharedModel } from "./helpers/shared.ts";

const folder = join(import.meta.dirname, "../recipes");
const names = readdirSync(folder).map((file) => file.replace(/\.json$/, ""));

interface Recipe {
  readonly command: string;
  readonly model: string;
  readonly only?: readonly string[];
  readonly "keep-channels": Readonly<Record<string, number>>;
}

/**
 * Parameters and multiply-accumulates of the architectures; the papers round them as the remarks do. The published LeNets
 * have a batch normalisation behind each convolution and ours have none: two parameters fewer for each channel of c1, c3.
 * With a bias for each of its 938 convolution channels, which a normalisation behind it makes idle, VGG-16 has 0.638 M.
 */
const expected: Readonly<Record<string, { readonly parameters: number; readonly macs: number }>> = {
  "lenet5-8-20-50-20": { parameters: 21_564 - 2 * (8 + 20), macs: 388_400 }, // 0.388 M
  "lenet5-8-9-36-17": { parameters: 8080 - 2 * (8 + 9), macs: 236_366 }, // 0.236 M
  "vgg16-listed": { parameters: 637_639 - 938, macs: 40_940_333 }, // 0.638 M, 40.9 M
  "resnet56-11-18-30": { parameters: 425_824, macs: 72_217_216 }, // 0.426 M, 72.2 M
  "resnet50-inner": { parameters: 12_461_880, macs: 2_052_116_076 }, // 12.46 M, 2.05 G
  "resnet50-outer": { parameters: 9_695_214, macs: 1_675_654_796 }, // 9.70 M, 1.68 G
};

function recipeNamed(name: string): Recipe {
  return JSON.parse(readFileSync(join(folder, `${name}.json`), "utf8")) as Recipe;
}

/** What a network costs once the first channels of every group are left, as many as the recipe says. */
function costUnder({ only, "keep-channels": keep }: Recipe, model: ReturnType<typeof buildNetwork>) {
  const analysis = analyzeChannels(openBatch(model));
  const open = new Set(rankableGroups(analysis, { only }));
  const counts = exactCounts(analysis.groups, new Map(Object.entries(keep)), (group) => open.has(group));
  const masks = analysis.groups.map(({ channels }, group) =>
    Uint8Array.from({ length: channels }, (_, channel) => Number(channel < (counts.get(group) ?? channels))),
  );
  const { parameters, macs } = fullCost(costModelOf(analyzeChannels(sliceModel(analysis, masks))));
  return { parameters, macs };
}

test.each(names)("%s fits the schema of its command", async (name) => {
  const io = { out: () => {}, err: () => {}, isTerminal: false, signal: new AbortController().signal };
  const { command: meant } = recipeNamed(name);
  const command = commandsWithConfig(io).find((one) => one.name() === meant)!;
  await expect(readConfig(join(folder, `${name}.json`), command)).resolves.toMatchObject({ command: meant });
});

/** Networks that several recipes start from are built once. */
const built = new Map<string, ReturnType<typeof buildNetwork>>();
function networkNamed(name: string): ReturnType<typeof buildNetwork> {
  const model = built.get(name) ?? buildNetwork(name);
  built.set(name, model);
  return model;
}

test.each(Object.keys(expected))("%s leaves the architecture of the paper", (name) => {
  const recipe = recipeNamed(name);
  const network = recipe.model.replace(/\.onnx$/, "");
  expect(costUnder(recipe, networkNamed(network))).toEqual(expected[name]);
});

const shared = sharedModel("resnet56-cifar10");
test.skipIf(shared.path === undefined)(
  `names the groups of a ResNet-56 exported elsewhere ${shared.reason ?? ""}`,
  async () => {
    const model = await readModelFile(shared.path!);
    expect(costUnder(recipeNamed("resnet56-11-18-30"), model)).toEqual(expected["resnet56-11-18-30"]);
  },
);
