/** Gradients of the rows that were kept are those of the whole batch, in every architecture; on average nothing is lost. */
import { describe, expect, test } from "vitest";
import { architectures } from "../../test/helpers/architectures/index.ts";
import { networks } from "../../test/helpers/networks.ts";
import { randomFeeds } from "../../test/helpers/slicing-property.ts";
import { noise, tinyClassifier, turns } from "../../test/helpers/tiny-classifier.ts";
import { isProblem } from "../base/problem.ts";
import { openBytes } from "../engine/ort/direct.ts";
import type { Model } from "../graph/model.ts";
import { stream } from "../math/random.ts";
import { encodeModel } from "../onnx/write.ts";
import { inferFacts } from "../ops/infer.ts";
import { batchOf } from "../passes/batch-places.ts";
import { extract } from "../passes/extract.ts";
import { openBatch } from "../passes/open-batch.ts";
import { float32, sizeOf, type Tensor, toNumbers } from "../tensor/tensor.ts";
import { addPayoff } from "../valuation/payoff-graph.ts";
import { differentiable, feedsFor } from "./differentiable.ts";
import { differentiate } from "./differentiate.ts";
import { thinnedGradients } from "./thin-rows.ts";

type Feeds = Readonly<Record<string, Tensor>>;

interface Case {
  /** Derivatives of all rows, one after the other. */
  readonly exact: readonly (readonly number[])[];
  /** The rows that are kept, and their derivatives. */
  thinned(draws: readonly number[]): Promise<{ readonly kept: readonly number[]; readonly rows: number[][] }>;
}

/** The first value of every row, and the payoff's derivatives with respect to it. Undefined where rows cannot be told apart. */
async function caseOf(given: Model, feeds: Feeds, targets?: Int32Array): Promise<Case | undefined> {
  const model = differentiable(openBatch(given), feeds);
  const facts = inferFacts(model);
  const batch = batchOf(model, facts);
  const output = model.graph.outputs[0]!.name;
  const start = model.graph.nodes
    .flatMap(({ outputs }) => outputs)
    .find((name) => facts.get(name)?.shape?.[0] === batch && facts.get(name)?.dtype === "float32");
  if (batch === undefined || start === undefined) return undefined;
  const shape = facts.get(output)?.shape?.slice(1) ?? [];
  const rows = Object.values(feeds)[0]!.shape[0]!;
  if (!shape.every((size) => typeof size === "number")) return undefined;
  const outputs = toNumbers(noise([rows, ...(shape as number[])]));
  const payoff = addPayoff(
    model,
    targets === undefined
      ? { kind: "squared-error", output, outputIs: "logits", targets: Float32Array.from(outputs) }
      : { kind: "cross-entropy", output, outputIs: "logits", targets },
    rows,
  );
  const all = { ...feeds, ...payoff.targets(Array.from({ length: rows }, (_, k) => k)) };
  const whole = differentiate(payoff.model, { of: payoff.payoffs, wrt: [start] });
  const thin = thinnedGradients(payoff.model, { of: payoff.payoffs, behind: output, wrt: [start], batch });
  const [gradient, ofKept] = [whole.gradientOf.get(start), thin?.gradientOf.get(start)];
  if (thin === undefined || gradient === undefined || ofKept === undefined) return undefined;
  const [every] = await run(whole.model, [gradient], all);
  return {
    exact: rowsOf(every!),
    async thinned(draws) {
      const own = { ...all, [thin.draws]: float32([rows], draws) };
      const [found, kept] = await run(thin.model, [ofKept, thin.kept], own);
      return { rows: rowsOf(found!), kept: [...toNumbers(kept!)] };
    },
  };
}

async function run(model: Model, outputs: readonly string[], feeds: Feeds): Promise<Tensor[]> {
  const part = extract(model, new Map(), [], outputs);
  const session = await openBytes(encodeModel(part), { optimization: "off" });
  const results = await session.run(feedsFor(part, feeds));
  await session.close();
  return outputs.map((name) => results[name]!);
}

function rowsOf({ shape, data }: Tensor): number[][] {
  const size = sizeOf(shape.slice(1));
  const numbers = [...toNumbers({ dtype: "float32", shape, data })];
  return Array.from({ length: shape[0]! }, (_, row) => numbers.slice(row * size, (row + 1) * size));
}

function largest(rows: readonly (readonly number[])[]): number {
  return Math.max(1e-6, ...rows.flat().map(Math.abs));
}

const subjects = [...Object.values(architectures).flat(), ...networks].filter(({ build }) => {
  const inputs = build().graph.inputs;
  return inputs.every(({ shape = [] }) => typeof shape[0] === "string");
});

describe("kept rows have the derivatives that they have among all", () => {
  const left: string[] = [];
  test.each(subjects.map(({ name, build }) => [name, build] as const))("%s", async (name, build) => {
    const model = build();
    const feeds = randomFeeds(model, stream(4, 0));
    const found = await caseOf(model, feeds).catch((error: unknown) => {
      if (isProblem(error)) return undefined; // no gradient, or no payoff: told apart elsewhere
      throw error;
    });
    if (found === undefined) {
      left.push(name);
      return;
    }
    const draws = found.exact.map((_, row) => (row % 3 === 1 ? -1 : 1));
    const { kept, rows } = await found.thinned(draws);
    expect(kept).toEqual([...draws.keys()].filter((row) => draws[row]! < 0));
    rows.forEach((row, k) => {
      const own = found.exact[kept[k]!]!;
      const difference = Math.max(...row.map((value, at) => Math.abs(value - own[at]!)));
      expect(difference / largest(found.exact)).toBeLessThan(1e-4);
    });
  });

  test("most of them can be thinned", () => {
    expect(left.length / subjects.length).toBeLessThan(0.2);
  });
});

describe("a classifier of images", async () => {
  const model = tinyClassifier();
  const rows = 24;
  const feeds = { x: noise([rows, 1, 6, 6]) };
  const targets = Int32Array.from(toNumbers(turns(rows)));
  const found = (await caseOf(model, feeds, targets))!;
  const middle = (step: number) => (step + 0.5) / 200;
  const outcomes = await Promise.all(
    Array.from({ length: 200 }, (_, step) => found.thinned(new Array(rows).fill(middle(step)))),
  );

  test("derivatives are what they should be on average over draws", () => {
    const sums = found.exact.map((row) => row.map(() => 0));
    for (const { kept, rows: own } of outcomes)
      own.forEach((row, k) => {
        const into = sums[kept[k]!]!;
        for (const [at, value] of row.entries()) into[at] = into[at]! + value / outcomes.length;
      });
    const counts = found.exact.map((_, row) => outcomes.filter(({ kept }) => kept.includes(row)).length);
    sums.forEach((row, k) => {
      // a row kept with chance q is kept at q · 200 of the draws, give or take one half
      const band = 0.6 / counts[k]! + 1e-4;
      const most = largest([found.exact[k]!]);
      for (const [at, value] of row.entries())
        expect(Math.abs(value - found.exact[k]![at]!)).toBeLessThan(band * most);
    });
  });

  test("rows that matter more are kept more often, the first of them always", () => {
    const counts = found.exact.map((_, row) => outcomes.filter(({ kept }) => kept.includes(row)).length);
    expect(Math.max(...counts)).toBe(outcomes.length);
    expect(Math.min(...counts)).toBeGreaterThan(0);
    expect(Math.min(...counts)).toBeLessThan(outcomes.length);
    for (const { kept } of outcomes) expect(kept).toEqual([...new Set(kept)].sort((a, b) => a - b));
  });

  test("where no row matters all are kept: nothing is hidden", async () => {
    const flat = (await caseOf(model, { x: noise([rows, 1, 6, 6]) }, new Int32Array(rows).fill(-1)))!;
    const { kept, rows: own } = await flat.thinned(new Array(rows).fill(0.999));
    expect(kept.length).toBe(rows);
    expect(own.flat().every((value) => value === 0)).toBe(true);
  });

  test("a derivative that is no number comes through", async () => {
    const bad = noise([rows, 1, 6, 6]);
    const data = Float32Array.from(toNumbers(bad));
    data[5 * 36] = Number.NaN;
    const broken = (await caseOf(model, { x: float32([rows, 1, 6, 6], data) }, targets))!;
    const { kept, rows: own } = await broken.thinned(new Array(rows).fill(0.999));
    expect(kept).toContain(5);
    expect(own[kept.indexOf(5)]!.some(Number.isNaN)).toBe(true);
  });
});
