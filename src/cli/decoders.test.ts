/** @file Decoders on the command line: caches that shrink, sequences of open length, positions of heads. */
import { expect, test } from "vitest";
import { cachedDecoders } from "../../test/helpers/architectures/cached-decoders.ts";
import { command, documentOf, temporaryFolder } from "../../test/helpers/command.ts";
import type { PrunePlan } from "../channels/plan.ts";
import type { Dim } from "../graph/model.ts";
import { below, stream } from "../math/random.ts";
import { readModelFile } from "../onnx/read.ts";
import { int64 } from "../tensor/tensor.ts";

const folder = temporaryFolder();
const random = stream(4, 0);
const words = folder.npy(
  "words.npy",
  int64(
    [40, 5],
    Array.from({ length: 200 }, () => below(9, random)),
  ),
);
const cached = (name: string) => {
  const found = cachedDecoders.find((one) => one.name === name)!;
  return folder.model(`${name.replaceAll(" ", "-")}.onnx`, found.build());
};
const data = ["--data", words, "--no-labels"];

interface Pruned {
  readonly caches: readonly { readonly past: string; readonly after: readonly Dim[] }[] | null;
  readonly check: { readonly difference: number };
  readonly plan: PrunePlan;
}

test("inspect names the caches and the option that lets them shrink", async () => {
  const model = cached("a cache joined in pieces");
  const held = await command(["inspect", model]);
  expect(held.out).toMatch(/past\.key.*which holds those of the network; --shrink-caches lets both go/);
  const free = await documentOf<{
    cachesShrink: boolean;
    groups: { id: string; locked: boolean }[];
  }>(["inspect", model, "--shrink-caches"]);
  expect(free.cachesShrink).toBe(true);
  expect(free.groups.filter(({ locked }) => locked).map(({ id }) => id)).toEqual(["head"]);
});

test.each(["a cache joined in pieces", "a cache of GroupQueryAttention"])(
  "prune ranks without the cache, at open length, and writes it narrower: %s",
  async (name) => {
    const model = cached(name);
    const out = folder.file("out.onnx");
    const fast = ["--keep", 0.5, "--budget", "2k", "--no-latency", "--workers", 1];
    const result = await documentOf<Pruned>([
      ...["prune", model, ...data, ...fast, "--shrink-caches", "--out", out],
    ]);
    expect(result.check.difference).toBeLessThan(1e-4);
    expect(result.plan.caches).toBe("shrink");
    const { graph } = await readModelFile(out);
    const heads = graph.inputs.find((input) => input.name === "past.key")!.shape;
    expect(result.caches!.map(({ after }) => after)).toEqual([heads, heads]);
    expect(heads![1]).toBeLessThan(3);
    expect(graph.inputs.map((input) => input.name)).toEqual(["input_ids", "past.key", "past.value"]);
    const again = folder.file("again.onnx");
    const plan = folder.write("plan.json", JSON.stringify(result.plan));
    const replayed = await documentOf<Pruned>([
      ...["prune", model, ...data, "--plan", plan, "--no-repair", "--no-latency", "--out", again],
    ]);
    expect(replayed.caches).toEqual(result.caches);
  },
);

test("--shrink-caches for a model without caches is refused", async () => {
  const lenet = new URL("../../assets/lenet5-mnist.onnx", import.meta.url).pathname;
  const refused = await command(["inspect", lenet, "--shrink-caches"]);
  expect(refused.code).toBe(2);
  expect(refused.err).toContain('--shrink-caches: got "a model without caches"');
});

test("--attention width sees positions in place of heads", async () => {
  const model = cached("a cache joined in pieces");
  const channelsOf = async (cut: string) => {
    const { groups } = await documentOf<{ groups: { id: string; channels: number }[] }>([
      ...["inspect", model, "--shrink-caches", "--attention", cut],
    ]);
    return Object.fromEntries(groups.map(({ id, channels }) => [id, channels]));
  };
  expect(await channelsOf("heads")).toMatchObject({ "attn.key": 3 });
  expect(await channelsOf("width")).toMatchObject({ "attn.key": 4, "attn.value": 4 });
});
