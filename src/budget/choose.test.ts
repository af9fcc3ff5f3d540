import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { graphBuilder } from "../../test/helpers/build.ts";
import { sharedModel } from "../../test/helpers/shared.ts";
import { isProblem, type PrunerError } from "../base/problem.ts";
import { costMeter, costModelOf, fullCost } from "../channels/cost.ts";
import { analyzeChannels, type ChannelAnalysis } from "../channels/groups.ts";
import { costOfMasks, isBalanced, isInhabited } from "../channels/plan.ts";
import type { Model } from "../graph/model.ts";
import { stream, uniform } from "../math/random.ts";
import { readModelFile } from "../onnx/read.ts";
import type { Budget } from "./budget.ts";
import { type Choice, checkReachable, chooseChannels } from "./choose.ts";
import { budgetOfStep } from "./schedule.ts";
import { amountOf } from "./target.ts";

/** Two convolutions and a classifier: groups "a" (4 channels), "b" (6) and the locked "out". */
function chain(): Model {
  const g = graphBuilder();
  const x = g.input("x", ["N", 3, 8, 8]);
  const weight = (name: string, shape: readonly number[]) =>
    g.weight(shape, undefined, { name: `${name}.weight` });
  const a = g.node("Relu", [g.node("Conv", [x, weight("a", [4, 3, 3, 3])], { pads: [1, 1, 1, 1] })]);
  const b = g.node("Relu", [g.node("Conv", [a, weight("b", [6, 4, 3, 3])], { pads: [1, 1, 1, 1] })]);
  const flat = g.node("Flatten", [g.node("GlobalAveragePool", [b])]);
  g.output(g.node("Gemm", [flat, weight("out", [2, 6])], { transB: 1 }), ["N", 2]);
  return g.build();
}

/** A grouped convolution in the middle: both groups fall into two blocks that stay equal. */
function grouped(): Model {
  const g = graphBuilder();
  const x = g.input("x", ["N", 3, 8, 8]);
  const weight = (name: string, shape: readonly number[]) =>
    g.weight(shape, undefined, { name: `${name}.weight` });
  const a = g.node("Relu", [g.node("Conv", [x, weight("a", [8, 3, 1, 1])])]);
  const b = g.node("Relu", [g.node("Conv", [a, weight("b", [6, 4, 3, 3])], { group: 2 })]);
  const flat = g.node("Flatten", [g.node("GlobalAveragePool", [b])]);
  g.output(g.node("Gemm", [flat, weight("out", [2, 6])], { transB: 1 }), ["N", 2]);
  return g.build();
}

/** A stream of 4 channels that is padded to 8, as a residual network with plain shortcuts has it. */
function widened(): Model {
  const g = graphBuilder();
  const x = g.input("x", ["N", 3, 4, 4]);
  const weight = (name: string, shape: readonly number[]) =>
    g.weight(shape, undefined, { name: `${name}.weight` });
  const narrow = g.node("Relu", [g.node("Conv", [x, weight("stem", [4, 3, 1, 1])])]);
  const inner = g.node("Relu", [g.node("Conv", [narrow, weight("inner", [6, 4, 1, 1])])]);
  const wide = g.node("Conv", [inner, weight("wide", [8, 6, 1, 1])]);
  const pads = g.initializer("pads", {
    dtype: "int64",
    shape: [8],
    data: BigInt64Array.from([0n, 2n, 0n, 0n, 0n, 2n, 0n, 0n]),
  });
  const sum = g.node("Add", [wide, g.node("Pad", [narrow, pads])]);
  const flat = g.node("Flatten", [g.node("GlobalAveragePool", [sum])]);
  g.output(g.node("Gemm", [flat, weight("out", [2, 8])], { transB: 1 }), ["N", 2]);
  return g.build();
}

const models = { chain, grouped, widened };

function setUp(model: Model) {
  const analysis = analyzeChannels(model);
  return { analysis, costModel: costModelOf(analysis) };
}

function someScores(analysis: ChannelAnalysis, seed: number): Float64Array[] {
  return analysis.groups.map(({ channels }, group) => {
    const random = stream(seed, group);
    return Float64Array.from({ length: channels }, () => Math.round(20 * uniform(random) - 4) / 8); // with ties
  });
}

const kept = (choice: Choice) =>
  choice.groups.filter(({ channels }) => channels > 0).map((group) => group.kept);

function problemOf(work: () => unknown): PrunerError {
  try {
    work();
  } catch (error) {
    if (isProblem(error)) return error;
    throw error;
  }
  throw new Error("no problem was raised");
}

describe("counts", () => {
  const { analysis, costModel } = setUp(chain());
  const scores = [Float64Array.of(3, 1, 2, 4), Float64Array.of(5, 5, 1, 5, 0, 5), new Float64Array(0)];
  const choose = (budget: Partial<Budget>, more = {}) =>
    chooseChannels({ analysis, costModel, scores, budget: { scope: "group", ...budget }, ...more });

  test("keep removes the lowest of every group, equal scores by number", () => {
    const { masks, reached } = choose({ keep: 0.5 });
    expect(masks.map((mask) => [...mask])).toEqual([[1, 0, 0, 1], [0, 1, 0, 1, 0, 1], []]);
    expect(reached).toBe(true);
  });

  test("keepChannels keeps exactly so many, and leaves other groups alone", () => {
    expect(kept(choose({ keepChannels: new Map([["b", 1]]) }))).toEqual([4, 1]);
    expect(kept(choose({ keepChannels: new Map([["*", 3]]) }))).toEqual([3, 3]);
    expect(
      kept(
        choose({
          keepChannels: new Map([
            ["*", 3],
            ["a", 2],
          ]),
          keep: 1,
        }),
      ),
    ).toEqual([2, 3]);
  });

  test("groups without scores stay whole", () => {
    const choice = chooseChannels({
      analysis,
      costModel,
      scores: [undefined, scores[1]],
      budget: { scope: "group", keep: 0.5 },
    });
    expect(kept(choice)).toEqual([4, 3]);
  });

  test("maxRatio holds against keep", () => {
    expect(kept(choose({ keep: 0.01, maxRatio: 0.5 }))).toEqual([2, 3]);
    expect(kept(choose({ keep: 0.01 }))).toEqual([1, 1]);
  });

  test("roundTo goes to the nearest multiple, and leaves what has none", () => {
    expect(kept(choose({ keep: 0.5, roundTo: 4 }))).toEqual([4, 4]);
    expect(kept(choose({ keep: 0.5, roundTo: 5 }))).toEqual([4, 5]);
    expect(kept(choose({ keep: 0.5, roundTo: 64 }))).toEqual([4, 6]);
  });

  test("a start counts towards the original, and what is gone stays gone", () => {
    const start = [Uint8Array.of(1, 1, 1, 1), Uint8Array.of(0, 1, 1, 1, 1, 1), new Uint8Array(0)];
    const { masks, groups } = choose({ keep: 0.5 }, { start });
    expect([...masks[1]!]).toEqual([0, 1, 0, 1, 0, 1]);
    expect(groups[1]).toEqual({ id: "b", channels: 6, before: 5, kept: 3 });
    expect(start[1]![2]).toBe(1); // the caller's masks are not written to
  });

  test("atMostSteps takes from the group that has the largest share still to give", () => {
    const sequence: string[] = [];
    let start: readonly Uint8Array[] | undefined;
    for (let reached = false; !reached; ) {
      const choice = choose({ keep: 0.5 }, { atMostSteps: 1, start });
      sequence.push(...choice.steps.map(({ group, channels }) => `${analysis.groups[group]!.id}${channels}`));
      ({ masks: start, reached } = choice);
    }
    expect(sequence).toEqual(["a1", "b4", "b2", "a2", "b0"]);
  });
});

describe("targets", () => {
  test("scope group takes the same share everywhere, and not more than needed", () => {
    const { analysis, costModel } = setUp(chain());
    const scores = someScores(analysis, 1);
    const budget: Budget = { scope: "group", targetMacs: { ratio: 0.5 } };
    const choice = chooseChannels({ analysis, costModel, scores, budget });
    expect(choice.cost.macs).toBeLessThanOrEqual(0.5 * fullCost(costModel).macs);
    expect(kept(choice)).toEqual([2, 4]); // 8,072 of 20,748 MACs; the next share, [3, 4], has 12,104
  });

  test("scope global removes by score per share saved, with savings as they are at that moment", () => {
    const { analysis, costModel } = setUp(chain());
    for (let seed = 0; seed < 20; seed++) {
      const scores = someScores(analysis, seed);
      const budget: Budget = { scope: "global", targetMacs: { ratio: 0.3 } };
      const { steps } = chooseChannels({ analysis, costModel, scores, budget });
      expect(steps.map(({ group, channels }) => `${group}:${channels[0]}`)).toEqual(
        greedyByMeter(analysis, scores, 0.3),
      );
    }
  });

  test("what the last removal made unnecessary comes back, unless it does harm", () => {
    const { analysis, costModel } = setUp(chain());
    const target: Budget = { scope: "global", targetMacs: { ratio: 0.76 } };
    const choose = (first: number) => {
      const scores = [
        Float64Array.of(1, 9, 9, 9),
        Float64Array.of(first, 9, 9, 9, 9, 9),
        new Float64Array(0),
      ];
      return kept(chooseChannels({ analysis, costModel, scores, budget: target }));
    };
    expect(choose(0.1)).toEqual([3, 6]); // one of "b" goes first, one of "a" then meets the target on its own
    expect(choose(-0.1)).toEqual([3, 5]);
  });

  test("harmful channels go before all others", () => {
    const { analysis, costModel } = setUp(chain());
    const scores = [
      Float64Array.of(1e-9, 1, 1, 1),
      Float64Array.of(9, 9, -1e-9, 9, -5, 9),
      new Float64Array(0),
    ];
    const { steps } = chooseChannels({
      analysis,
      costModel,
      scores,
      budget: { scope: "global", targetMacs: { ratio: 0.4 } },
    });
    expect(steps.slice(0, 3).map(({ group, channels }) => [group, ...channels])).toEqual([
      [1, 4],
      [1, 2],
      [0, 0],
    ]);
  });

  test("several targets hold together", () => {
    const { analysis, costModel } = setUp(chain());
    const full = fullCost(costModel);
    const budget: Budget = {
      scope: "global",
      targetMacs: { ratio: 0.9 },
      targetParameters: { absolute: 150 },
    };
    const { cost } = chooseChannels({ analysis, costModel, scores: someScores(analysis, 3), budget });
    expect(cost.parameters).toBeLessThanOrEqual(150);
    expect(cost.macs).toBeLessThanOrEqual(0.9 * full.macs);
  });

  test("a target above the original removes nothing", () => {
    const { analysis, costModel } = setUp(chain());
    const budget: Budget = { scope: "global", targetMacs: { absolute: 1e9 } };
    expect(chooseChannels({ analysis, costModel, scores: someScores(analysis, 0), budget }).steps).toEqual(
      [],
    );
  });

  test("without any amount a number of removals is made, and the end is left to the caller", () => {
    const { analysis, costModel } = setUp(chain());
    const scores = someScores(analysis, 0);
    const choose = (scope: Budget["scope"], atMostSteps: number) =>
      chooseChannels({ analysis, costModel, scores, budget: { scope }, atMostSteps });
    expect(choose("global", 3).steps).toHaveLength(3);
    expect(choose("group", 3).reached).toBe(false);
    expect(kept(choose("global", 100))).toEqual([1, 1]);
  });
});

/** The order of removals, recomputed from whole costs at every step. */
function greedyByMeter(analysis: ChannelAnalysis, scores: readonly Float64Array[], ratio: number): string[] {
  const model = costModelOf(analysis);
  const meter = costMeter(model);
  const full = meter.cost().macs;
  const left = scores.map((own) => [...own.keys()]);
  const removed: string[] = [];
  while (meter.cost().macs > ratio * full) {
    let best = { price: Number.POSITIVE_INFINITY, group: -1, channel: -1 };
    left.forEach((channels, group) => {
      for (const channel of channels.length > 1 ? channels : []) {
        const before = meter.cost().macs;
        meter.remove(group, channel);
        const price = scores[group]![channel]! / ((before - meter.cost().macs) / full);
        meter.restore(group, channel);
        if (price < best.price) best = { price, group, channel };
      }
    });
    meter.remove(best.group, best.channel);
    left[best.group] = left[best.group]!.filter((channel) => channel !== best.channel);
    removed.push(`${best.group}:${best.channel}`);
  }
  return withoutSpare(removed, scores, (removals) => {
    const trial = costMeter(model);
    for (const name of removals) trial.remove(...(name.split(":").map(Number) as [number, number]));
    return trial.cost().macs <= ratio * full;
  });
}

/** Puts back, from the last removal on, what the target does not need; of each group only its last removals. */
function withoutSpare(
  removed: readonly string[],
  scores: readonly Float64Array[],
  fits: (removals: readonly string[]) => boolean,
): string[] {
  let left = [...removed];
  const done = new Set<number>();
  for (const name of removed.toReversed()) {
    const [group, channel] = name.split(":").map(Number) as [number, number];
    const without = left.filter((other) => other !== name);
    if (!done.has(group) && scores[group]![channel]! > 0 && fits(without)) left = without;
    else done.add(group);
  }
  return left;
}

describe("rounds", () => {
  const { analysis, costModel } = setUp(chain());
  const full = fullCost(costModel);
  const scores = someScores(analysis, 5);

  test("targets fall linearly and never compound", () => {
    const budget: Budget = {
      scope: "global",
      targetMacs: { ratio: 0.4 },
      targetParameters: { absolute: 100 },
    };
    let start: readonly Uint8Array[] | undefined;
    for (let step = 1; step <= 3; step++) {
      const choice = chooseChannels({
        analysis,
        costModel,
        scores,
        budget: budgetOfStep(budget, step, 3),
        start,
      });
      start = choice.masks;
      expect(choice.cost.macs).toBeLessThanOrEqual((1 - 0.2 * step) * full.macs);
      expect(choice.cost.parameters).toBeLessThanOrEqual(
        full.parameters - ((full.parameters - 100) / 3) * step,
      );
    }
    expect(budgetOfStep(budget, 3, 3)).toBe(budget);
  });

  test("shares and counts fall linearly and end exactly", () => {
    const budget: Budget = { scope: "group", keep: 0.5, keepChannels: new Map([["b", 1]]) };
    const sizes: number[][] = [];
    let start: readonly Uint8Array[] | undefined;
    for (let step = 1; step <= 2; step++) {
      const choice = chooseChannels({
        analysis,
        costModel,
        scores,
        budget: budgetOfStep(budget, step, 2),
        start,
      });
      start = choice.masks;
      sizes.push(kept(choice));
    }
    expect(sizes).toEqual([
      [3, 4],
      [2, 1],
    ]);
  });

  test.each([
    [0, 3],
    [4, 3],
    [1.5, 3],
  ])("there is no step %d of %d", (step, steps) => {
    expect(() => budgetOfStep({ scope: "global" }, step, steps)).toThrow(RangeError);
  });
});

describe("refusals", () => {
  const { analysis, costModel } = setUp(chain());
  const scores = someScores(analysis, 2);
  const codeFor = (budget: Partial<Budget>, more = {}) =>
    problemOf(() =>
      chooseChannels({ analysis, costModel, scores, budget: { scope: "global", ...budget }, ...more }),
    ).code;

  test.each<[string, Partial<Budget>]>([
    ["budget-missing", {}],
    ["invalid-option", { keep: 0 }],
    ["invalid-option", { keep: 1.01 }],
    ["invalid-option", { keep: Number.NaN }],
    ["invalid-option", { targetMacs: { ratio: 1.5 } }],
    ["invalid-option", { targetParameters: { absolute: -1 } }],
    ["invalid-option", { keep: 0.5, maxRatio: 0 }],
    ["invalid-option", { keep: 0.5, roundTo: 0 }],
    ["unknown-group", { keepChannels: new Map([["nosuch", 1]]) }],
    ["contradictory-budget", { keepChannels: new Map([["a", 5]]) }],
    ["contradictory-budget", { keepChannels: new Map([["a", 0]]) }],
    ["contradictory-budget", { keepChannels: new Map([["out", 1]]) }],
    [
      "contradictory-budget",
      {
        keepChannels: new Map([
          ["a*", 2],
          ["?", 3],
        ]),
      },
    ],
    ["contradictory-budget", { keepChannels: new Map([["a", 1]]), maxRatio: 0.5 }],
    ["impossible-budget", { targetMacs: { ratio: 0.01 } }],
    ["impossible-budget", { targetMacs: { ratio: 0.5 }, maxRatio: 0.1 }],
    [
      "impossible-budget",
      {
        targetMacs: { ratio: 0.3 },
        keepChannels: new Map([
          ["a", 4],
          ["b", 5],
        ]),
      },
    ],
  ])("%s for %j", (code, budget) => {
    expect(codeFor(budget)).toBe(code);
    expect(codeFor({ ...budget, scope: "group" })).toBe(code);
  });

  test("says what the smallest reachable cost is", () => {
    const budget: Budget = { scope: "global", targetMacs: { ratio: 0.01 } };
    const { data } = problemOf(() => chooseChannels({ analysis, costModel, scores, budget }));
    const masks = [Uint8Array.of(1, 0, 0, 0), Uint8Array.of(1, 0, 0, 0, 0, 0), new Uint8Array(0)];
    expect(data).toMatchObject({
      smallest: costOfMasks(costModel, masks).macs,
      original: fullCost(costModel).macs,
    });
  });

  test("names the nearest group", () => {
    const budget: Budget = { scope: "global", keepChannels: new Map([["bb", 1]]) };
    expect(problemOf(() => chooseChannels({ analysis, costModel, scores, budget })).message).toContain(
      "nearest names: b",
    );
  });

  test("finds what is unreachable before there are scores", () => {
    const check = (groups: readonly number[], budget: Partial<Budget>) => () =>
      checkReachable(analysis, costModel, groups, { scope: "group", ...budget });
    expect(check([0, 1], { targetMacs: { ratio: 0.3 } })).not.toThrow();
    expect(problemOf(check([0], { targetMacs: { ratio: 0.2 } })).code).toBe("impossible-budget");
    expect(problemOf(check([0], { keepChannels: new Map([["b", 3]]) })).code).toBe("contradictory-budget");
    expect(problemOf(check([2], { keep: 0.5 })).code).toBe("nothing-selected");
  });

  test("nothing selected, nothing prunable, scores that are no numbers, an emptied start", () => {
    expect(codeFor({ keep: 0.5 }, { scores: [undefined, undefined, undefined] })).toBe("nothing-selected");
    expect(codeFor({ keep: 0.5 }, { scores: [Float64Array.of(1, Number.NaN, 1, 1)] })).toBe(
      "score-not-finite",
    );
    expect(
      codeFor({ keep: 0.5 }, { start: [new Uint8Array(4), new Uint8Array(6).fill(1), new Uint8Array(0)] }),
    ).toBe("invalid-plan");
    const locked = { ...analysis, groups: [analysis.groups[2]!] };
    expect(codeFor({ keep: 0.5 }, { analysis: locked, scores: [new Float64Array(0)] })).toBe(
      "nothing-prunable",
    );
  });
});

describe("blocks", () => {
  test("the lowest of each block go together, and counts stay equal", () => {
    const { analysis, costModel } = setUp(grouped());
    const scores = [
      Float64Array.of(1, 2, 3, 4, 8, 7, 6, 5),
      Float64Array.of(1, 2, 3, 4, 5, 6),
      new Float64Array(0),
    ];
    const choice = chooseChannels({ analysis, costModel, scores, budget: { scope: "group", keep: 0.7 } });
    expect(choice.masks.map((mask) => [...mask])).toEqual([[0, 1, 1, 1, 1, 1, 1, 0], [0, 1, 1, 0, 1, 1], []]);
    const impossible = () =>
      chooseChannels({
        analysis,
        costModel,
        scores,
        budget: { scope: "group", keepChannels: new Map([["b", 3]]) },
      });
    expect(problemOf(impossible).message).toMatch(/exactly 3 channels cannot stay; the nearest count is 4/);
  });

  test("an axis that carries part of a group keeps a channel, whatever the scores", () => {
    const { analysis, costModel } = setUp(widened());
    const stream = analysis.groups.findIndex(({ channels }) => channels === 8);
    expect(analysis.groups[stream]!.atLeastOneOf.map(({ length }) => length).sort()).toEqual([4, 8]);
    const narrow = analysis.groups[stream]!.atLeastOneOf.find(({ length }) => length === 4)!;
    const scores = analysis.groups.map(({ channels }) => new Float64Array(channels).fill(5));
    for (const channel of narrow) scores[stream]![channel] = -5;
    const choice = chooseChannels({ analysis, costModel, scores, budget: { scope: "group", keep: 0.01 } });
    expect(choice.groups[stream]!.kept).toBe(1);
    expect(narrow.filter((channel) => choice.masks[stream]![channel] === 1)).toHaveLength(1);
  });
});

function expectLowestGone(scores: Float64Array, mask: Uint8Array): void {
  const highestGone = Math.max(...scores.filter((_, channel) => mask[channel] === 0));
  const lowestLeft = Math.min(...scores.filter((_, channel) => mask[channel] === 1));
  expect(highestGone).toBeLessThanOrEqual(lowestLeft);
}

const share = fc.double({ min: 0.05, max: 1, noNaN: true });
const maybe = <T>(arbitrary: fc.Arbitrary<T>) => fc.option(arbitrary, { nil: undefined });
const budgets: fc.Arbitrary<Budget> = fc.record({
  scope: fc.constantFrom("global", "group"),
  targetMacs: maybe(share.map((ratio) => ({ ratio }))),
  targetParameters: maybe(share.map((ratio) => ({ ratio }))),
  keep: maybe(share),
  maxRatio: maybe(share),
  roundTo: maybe(fc.integer({ min: 1, max: 4 })),
});

describe.each(Object.entries(models))("any budget on %s", (_name, build) => {
  const { analysis, costModel } = setUp(build());
  const full = fullCost(costModel);

  test("is met by a valid plan, or refused with a code", () => {
    fc.assert(
      fc.property(budgets, fc.nat(), (budget, seed) => {
        const scores = someScores(analysis, seed);
        let choice: Choice;
        try {
          choice = chooseChannels({ analysis, costModel, scores, budget });
        } catch (error) {
          expect(isProblem(error) && ["budget-missing", "impossible-budget"].includes(error.code)).toBe(true);
          return;
        }
        expect(choice.reached).toBe(true);
        expect(choice.cost).toEqual(costOfMasks(costModel, choice.masks));
        for (const [target, quantity] of [
          [budget.targetMacs, "macs"],
          [budget.targetParameters, "parameters"],
        ] as const)
          if (target !== undefined)
            expect(choice.cost[quantity]).toBeLessThanOrEqual(amountOf(target, full[quantity]));
        analysis.groups.forEach((group, k) => {
          expect(isInhabited(group, choice.masks[k]!) && isBalanced(group, choice.masks[k]!)).toBe(true);
          if (group.blockOf === undefined && group.atLeastOneOf.length === 1)
            expectLowestGone(scores[k]!, choice.masks[k]!);
          const gone = group.channels - choice.groups[k]!.kept;
          expect(gone).toBeLessThanOrEqual((budget.maxRatio ?? 1) * group.channels + 1e-9);
        });
        const again = chooseChannels({ analysis, costModel, scores, budget });
        expect(again.steps).toEqual(choice.steps);
      }),
    );
  });

  test("one removal at a time ends where the budget is met", () => {
    fc.assert(
      fc.property(share, fc.nat(), (ratio, seed) => {
        const budget: Budget = { scope: "global", targetMacs: { ratio: Math.max(0.4, ratio) } };
        const scores = someScores(analysis, seed);
        let last: Choice | undefined;
        for (let rounds = 0; rounds < 40 && last?.reached !== true; rounds++)
          last = chooseChannels({ analysis, costModel, scores, budget, start: last?.masks, atMostSteps: 1 });
        const once = chooseChannels({ analysis, costModel, scores, budget });
        last!.masks.forEach((mask, group) => {
          // at once, what the last removal made unnecessary comes back
          mask.forEach((stays, channel) => {
            expect(once.masks[group]![channel]).toBeGreaterThanOrEqual(stays);
          });
        });
      }),
      { numRuns: 30 },
    );
  });
});

const bottleneck = sharedModel("zoo/resnet-bottleneck-grouped");
test.skipIf(bottleneck.path === undefined)(
  `4,000 channels take well under a second ${bottleneck.reason ?? ""}`,
  async () => {
    const { analysis, costModel } = setUp(await readModelFile(bottleneck.path!));
    const scores = someScores(analysis, 1);
    for (const scope of ["global", "group"] as const) {
      const started = performance.now();
      chooseChannels({ analysis, costModel, scores, budget: { scope, targetMacs: { ratio: 0.3 } } });
      expect(performance.now() - started).toBeLessThan(1000);
    }
  },
);
