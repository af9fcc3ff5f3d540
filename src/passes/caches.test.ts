/** @file Decoders without their caches, cut, and with their caches again. */
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { cachedDecoders } from "../../test/helpers/architectures/cached-decoders.ts";
import { architectures } from "../../test/helpers/architectures/index.ts";
import { plansOf, randomPlan } from "../../test/helpers/random-plan.ts";
import {
  expectSameOutputs,
  maskFeeds,
  slicingEqualsMasking,
  subjectOf,
} from "../../test/helpers/slicing-property.ts";
import { analyzeChannels } from "../channels/groups.ts";
import { openBytes } from "../engine/ort/direct.ts";
import { checkGraph } from "../graph/check.ts";
import type { Model } from "../graph/model.ts";
import { stream } from "../math/random.ts";
import { encodeModel } from "../onnx/write.ts";
import { sliceModel } from "../surgery/slice.ts";
import { float32, int64, type Tensor, takeAlong } from "../tensor/tensor.ts";
import { closeCaches } from "./close-caches.ts";
import { reopenCaches } from "./reopen-caches.ts";

type Feeds = Readonly<Record<string, Tensor>>;

async function run(model: Model, feeds: Feeds): Promise<Feeds> {
  const session = await openBytes(encodeModel(checkGraph(model)), { optimization: "full" });
  const outputs = await session.run(feeds);
  await session.close();
  return outputs;
}

/** Logits of the last word, for two rows of words fed at once, or all but the last and then that one. */
const ids = int64([2, 5], [3, 1, 4, 1, 5, 2, 7, 1, 8, 2]);
const before = takeAlong(ids, 1, [0, 1, 2, 3]);
const last = takeAlong(ids, 1, [4]);

function lastOf(outputs: Feeds): Feeds {
  const [logits] = Object.values(outputs).filter(({ shape }) => shape.at(-1) === 9);
  return { logits: takeAlong(logits!, 1, [logits!.shape[1]! - 1]) };
}

/** Runs a decoder word by word: with empty caches, then with what came of it. */
async function inSteps(model: Model, shared: number, size: number): Promise<Feeds> {
  const none = float32([2, shared, 0, size], []);
  const first = await run(model, { input_ids: before, "past.key": none, "past.value": none });
  return lastOf(
    await run(model, {
      input_ids: last,
      "past.key": first["present.key"]!,
      "past.value": first["present.value"]!,
    }),
  );
}

const closedOf = (model: Model) => closeCaches(model)!;

describe.each(cachedDecoders)("$name", ({ build, shared, size }) => {
  test("holds its heads, and does not without the cache", () => {
    const locked = (model: Model) =>
      analyzeChannels(model).groups.flatMap(({ id, locks }) => (locks.length > 0 ? [id] : []));
    expect(locked(build()).length).toBeGreaterThan(1);
    expect(locked(closedOf(build()).model)).toEqual(["head"]);
  });

  test("without the cache it computes what it does with an empty one", async () => {
    const { model } = closedOf(build());
    expect(model.graph.inputs.map(({ name }) => name)).toEqual(["input_ids"]);
    const none = float32([2, shared, 0, size], []);
    const whole = await run(build(), { input_ids: ids, "past.key": none, "past.value": none });
    expectSameOutputs(lastOf(await run(model, { input_ids: ids })), lastOf(whole), 1e-5);
  });

  test("slicing equals masking for random plans", async () => {
    const subject = await subjectOf(closedOf(build()).model, { input_ids: ids });
    await fc.assert(
      fc.asyncProperty(plansOf(subject.analysis), (masks) =>
        slicingEqualsMasking(subject, masks, { tolerance: 1e-4, optimized: true, again: true }),
      ),
      { seed: 12, numRuns: Number(process.env["PLANS"] ?? 3) },
    );
    await subject.masked.close();
  });

  test("a cut decoder with narrower caches goes on, word by word, as the masked one would", async () => {
    const closed = closedOf(build());
    const subject = await subjectOf(closed.model, { input_ids: ids });
    const { analysis, free, masked } = subject;
    for (let seed = 0; seed < 5; seed++) {
      const masks = randomPlan(analysis, 0.6, stream(seed, 0));
      const group = analysis.groups.findIndex(({ producers }) =>
        producers.some(({ inputs }) => inputs.includes("attn.key.weight")),
      );
      masks[group]!.fill(1)[0] = 0; // a head goes in any case
      const { model, shrunk } = reopenCaches(sliceModel(analysis, masks), closed);
      const left = shared - 1;
      expect(shrunk.map(({ after }) => after)).toEqual(new Array(2).fill(["N", left, "P", size]));
      expect(model.graph.inputs.map(({ shape }) => shape?.[1])).toEqual(
        build().graph.inputs.map(({ name }) => (name === "input_ids" ? "T" : left)),
      );
      const wanted = await masked.run({ input_ids: ids, ...maskFeeds(analysis, free, masks) });
      expectSameOutputs(await inSteps(model, left, size), lastOf(wanted), 1e-4);
    }
    await masked.close();
  });

  test("put back at once it is what it was", () => {
    const { model, shrunk } = reopenCaches(closedOf(build()).model, closedOf(build()));
    const bare = ({ graph }: Model) => ({
      nodes: new Set(
        graph.nodes.map(({ name, inputs, outputs }) => JSON.stringify({ name, inputs, outputs })),
      ),
      inputs: graph.inputs,
      outputs: graph.outputs.map(({ name }) => name),
    });
    expect(bare(model)).toEqual(bare(build()));
    expect(shrunk.every((cache) => cache.before.join() === cache.after.join())).toBe(true);
  });
});

test("networks without caches are left alone", () => {
  const others = Object.values(architectures)
    .flat()
    .filter(({ build }) => closeCaches(build()) !== undefined)
    .map(({ name }) => name);
  expect(others).toEqual(["decoder with a cache"]);
});
