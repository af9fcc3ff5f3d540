/** @file Verdicts on made-up methods whose truth is known. */
import { describe, expect, test } from "vitest";
import { spreadOf } from "../compare/index.ts";
import { normal, stream, uniform } from "../math/random.ts";
import { mean } from "../math/sums.ts";
import { conclusionsOf } from "../report/compare-conclusions.ts";
import type { CompareEntry, CompareRecord, CompareRun } from "../report/compare-records.ts";
import { contrastsOf, type Measured } from "./compare-contrasts.ts";

/** What is true of a method. */
interface Truth {
  readonly name: string;
  readonly budget: number | null;
  /** Mean of its areas over seeds. */
  readonly area: number;
  /** Chance of a right answer at each share, after the cut and after repair. */
  readonly right?: readonly (readonly [cut: number, repaired: number])[];
  /** Groups it could rank; default both. */
  readonly groups?: readonly string[];
}

const examples = 150;
const shares = [0.25, 0.5];

/** Methods as they would be measured: areas with noise of 0.1, answers on examples that all seeds share. */
function measuredAs(truths: readonly Truth[], seeds: number, draw: number): Measured[] {
  const random = stream(draw, 0);
  const hardness = Float64Array.from({ length: examples }, () => uniform(random));
  return truths.map(({ name, budget, area, right, groups = ["a", "b"] }) => {
    const scores = Array.from({ length: seeds }, () =>
      (right ?? []).map(([cut, repaired]) => ({
        cut: answers(cut, hardness, random),
        repaired: answers(repaired, hardness, random),
        tuned: null,
      })),
    );
    const runs = scores.map((own, seed): CompareRun => {
      const quality = (all: Float64Array) => ({ accuracy: mean(all), loss: null });
      return {
        seed,
        rows: budget ?? 0,
        seconds: 1,
        memoryBytes: 0,
        groups: groups.map((id) => ({
          id,
          order: [0],
          lowestGone: [],
          highestGone: [],
          areaLowest: area + 0.1 * normal(random),
          areaHighest: 0,
          spearman: null,
          kendall: null,
          oracle: null,
        })),
        network: own.map(({ cut, repaired }, place) => ({
          share: shares[place]!,
          parameters: 1,
          macs: 1,
          cut: quality(cut),
          repaired: quality(repaired),
          tuned: null,
        })),
      };
    });
    const none = spreadOf([0]);
    const entry: CompareEntry = {
      name,
      title: name,
      budget,
      missing: null,
      runs,
      summary: {
        areaLowest: none,
        areaHighest: none,
        spearman: null,
        kendall: null,
        oracleAdd: null,
        oracleRemove: null,
        oracleRegret: null,
        rows: none,
        seconds: none,
        memoryBytes: none,
        network: [],
      },
    };
    return { entry, scores };
  });
}

/** Half of what makes an answer right is the example, half is luck. */
function answers(chance: number, hardness: Float64Array, random: ReturnType<typeof stream>): Float64Array {
  return hardness.map((hard) => ((uniform(random) < 0.5 ? hard : uniform(random)) < chance ? 1 : 0));
}

function toldOf(all: readonly Measured[]): Pick<CompareRecord, "contrasts" | "conclusions"> {
  const contrasts = contrastsOf(all);
  const found = {
    contrasts,
    entries: all.map(({ entry }) => entry),
    seeds: all[0]!.entry.runs.map(({ seed }) => seed),
    payoff: "cross-entropy" as const,
    examples: { rank: 0, curves: 0, calibrate: 0, tune: 0, validate: 0, evaluate: examples },
  };
  return { contrasts, conclusions: conclusionsOf(found) };
}

const right: Truth["right"] = [
  [0.9, 0.95],
  [0.7, 0.9],
];
const equal: readonly Truth[] = [
  { name: "random", budget: null, area: 1, right },
  { name: "l1", budget: null, area: 1, right },
  { name: "greedy", budget: 1000, area: 1, right },
  { name: "shapley", budget: 1000, area: 1, right },
  { name: "sequential", budget: 1000, area: 1, right },
];

describe("verdicts", () => {
  test.each([2, 5])("equal methods: %i seeds hardly ever find a winner", (seeds) => {
    const rounds = 60;
    let quiet = 0;
    for (let draw = 0; draw < rounds; draw++) {
      const { contrasts } = toldOf(measuredAs(equal, seeds, draw));
      expect(contrasts).toHaveLength(7 * 5); // shapley with four, sequential with three others
      if (contrasts.every(({ verdict }) => verdict === "within noise")) quiet++;
    }
    expect(quiet / rounds).toBeGreaterThanOrEqual(0.9);
  });

  test("a clear difference is told, in the favour of whoever has it", () => {
    const truths = equal.map((truth) =>
      truth.name === "shapley"
        ? { ...truth, area: 0.2, right: [[0.9, 0.95] as const, [0.95, 0.9] as const] }
        : truth,
    );
    const { contrasts, conclusions } = toldOf(measuredAs(truths, 6, 1));
    const verdict = (second: string, measure: string) =>
      contrasts.find((one) => one.first === "shapley" && one.second === second && one.measure === measure)!;
    for (const second of ["random", "l1", "greedy", "sequential"]) {
      const area = verdict(second, "area");
      expect(area.verdict).toBe("ahead");
      expect(area.difference).toBeCloseTo(0.8, 0);
      expect(verdict(second, "accuracy after the cut, 50% gone").verdict).toBe("ahead");
      expect(verdict(second, "accuracy after repair, 50% gone").verdict).toBe("within noise");
    }
    const text = conclusions.join("\n");
    expect(text).toMatch(/shapley \(1,000 rows\) is ahead of l1: area by 0\.\d+ nats \(95% interval/);
    expect(text).toMatch(/accuracy after the cut, 50% gone by \d\d\.?\d? points/);
    expect(text).not.toContain("lost to");
    expect(text).toContain(
      "sequential (1,000 rows) cannot be told from random, l1 and greedy: every difference is within the noise of 6 seeds.",
    );
  });

  test("where Shapley values lost it is said, with whom and by how much", () => {
    const truths = equal.map((truth) => (truth.name === "l1" ? { ...truth, area: 0.1 } : truth));
    const { conclusions } = toldOf(measuredAs(truths, 6, 2));
    for (const name of ["shapley", "sequential"])
      expect(conclusions.join("\n")).toMatch(
        new RegExp(`${name} \\(1,000 rows\\) lost to l1: area by (0\\.[89]|1)\\d* nats \\(95% interval 0\\.`),
      );
    expect(conclusions.join("\n")).toMatch(
      /took: random no rows and 1\.0 s;.*shapley \(1,000 rows\) 1,000 rows/,
    );
  });

  test("one seed says nothing about noise", () => {
    const { contrasts, conclusions } = toldOf(measuredAs(equal, 1, 3));
    expect(contrasts).toEqual([]);
    expect(conclusions[0]).toMatch(/^One seed says nothing about noise/);
    expect(conclusions.join()).not.toMatch(/ahead|lost|95%/);
  });

  test("only equal budgets are held against each other, or none; the oracle where it is known", () => {
    const truths: readonly Truth[] = [
      { name: "l1", budget: null, area: 1 },
      { name: "oracle", budget: null, area: 0.5, groups: ["a"] },
      { name: "shapley", budget: 1000, area: 1 },
      { name: "shapley", budget: 5000, area: 1 },
      { name: "leverage", budget: 1000, area: 1 },
    ];
    const { contrasts } = toldOf(measuredAs(truths, 3, 4));
    expect(contrasts.map(({ budget, second, measure }) => [budget, second, measure])).toEqual([
      [1000, "l1", "area"],
      [1000, "oracle", "area of a"],
      [1000, "leverage", "area"],
      [5000, "l1", "area"],
      [5000, "oracle", "area of a"],
    ]);
  });

  test("without class labels losses are compared, the lower one ahead", () => {
    const all = measuredAs([equal[1]!, equal[3]!], 4, 5).map(({ entry, scores }, method) => ({
      entry: {
        ...entry,
        runs: entry.runs.map((run) => ({
          ...run,
          network: run.network.map((one) => ({ ...one, cut: { accuracy: null, loss: 1 } })),
        })),
      },
      scores: scores.map((own, seed) =>
        own.map(() => ({
          cut: Float64Array.of(-1 - method - seed / 100, -1 - method),
          repaired: null,
          tuned: null,
        })),
      ),
    }));
    const losses = contrastsOf(all).filter(({ measure }) => measure === "loss after the cut, 50% gone");
    expect(losses).toMatchObject([{ first: "shapley", second: "l1", verdict: "behind" }]);
    expect(losses[0]!.difference).toBeCloseTo(-1, 12);
  });
});
