/** @file Attention that loses the same positions of every head instead of whole heads. */
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { analyzeChannels } from "../src/channels/groups.ts";
import { planOfMasks } from "../src/channels/plan.ts";
import { countOf, groupAfter, survivorOf } from "../src/pipeline/survivor.ts";
import { sliceModel } from "../src/surgery/slice.ts";
import { architectures } from "./helpers/architectures/index.ts";
import { heads, headWidth } from "./helpers/architectures/transformer-layers.ts";
import { plansOf, removesSomething } from "./helpers/random-plan.ts";
import { slicingEqualsMasking, subjectOf } from "./helpers/slicing-property.ts";

const attentionCut = "width" as const;

/** Plans for each network; PLANS=200 makes the long run. */
const plans = Number(process.env["PLANS"] ?? 3);

const byName = (name: string) =>
  Object.values(architectures)
    .flat()
    .find((one) => one.name === name)!;

const channelsOf = (name: string, cut: "heads" | "width") =>
  Object.fromEntries(
    analyzeChannels(byName(name).build(), { attentionCut: cut }).groups.map(({ id, channels }) => [
      id,
      channels,
    ]),
  );

test("queries and keys are pairs of positions, values are positions of their own", () => {
  const name = "ViT with three weights and measured sizes";
  expect(channelsOf(name, "heads")).toMatchObject({ "blocks.0.attn.query": heads });
  const wide = channelsOf(name, "width");
  expect(wide).toMatchObject({ "blocks.0.attn.query": headWidth, "blocks.0.attn.value": headWidth });
});

test("positions that a rotation pairs go in pairs, together in all layers that share its tables", () => {
  const wide = channelsOf("Llama", "width");
  expect(wide).toMatchObject({ "layers.0.attn.q_proj": headWidth / 2, "layers.0.attn.v_proj": headWidth });
  expect(wide).not.toHaveProperty("layers.1.attn.q_proj");
  expect(channelsOf("rotary positions by neighbours", "width")).toMatchObject({ gather_1: 4, gather_119: 4 });
});

test("operators that compute attention whole lose whole heads all the same", () => {
  const name = "MultiHeadAttention of onnxruntime";
  expect(channelsOf(name, "width")).toEqual(channelsOf(name, "heads"));
});

const cut = Object.values(architectures)
  .flat()
  .filter(({ build }) => {
    const model = build();
    const ids = (attention: "heads" | "width") =>
      analyzeChannels(model, { attentionCut: attention }).groups.map(
        ({ id, channels }) => `${id} ${channels}`,
      );
    return ids("heads").join() !== ids("width").join();
  });

test("most transformers of the tests can be cut this way", () => {
  expect(cut.length).toBeGreaterThanOrEqual(15);
});

describe.each(cut)("$name", ({ build, tolerance = 1e-4 }) => {
  test("slicing equals masking for random plans", async () => {
    const subject = await subjectOf(build(), undefined, { attentionCut });
    await fc.assert(
      fc.asyncProperty(plansOf(subject.analysis), (masks) =>
        slicingEqualsMasking(subject, masks, { tolerance, again: true }),
      ),
      { seed: 10, numRuns: plans },
    );
    await subject.masked.close();
  });

  test("groups stay what they are from round to round, and plans remember", () => {
    const analysis = analyzeChannels(build(), { attentionCut });
    fc.assert(
      fc.property(plansOf(analysis), (masks) => {
        if (!removesSomething(masks)) return;
        expect(planOfMasks(analysis, masks).attention).toBe("width");
        const left = survivorOf(analysis, sliceModel(analysis, masks), masks);
        for (const [group, mask] of masks.entries())
          if (countOf(mask) > 1) expect(groupAfter(analysis, left, group)).toBeGreaterThanOrEqual(0);
      }),
      { seed: 11, numRuns: 5 * plans },
    );
  });
});
