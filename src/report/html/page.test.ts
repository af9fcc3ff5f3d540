/** @file Pages: complete, escaped, the same for the same record, and careful with claims. */

import { parseHTML } from "linkedom";
import { describe, expect, test } from "vitest";
import { comparison } from "../../../test/helpers/compare-record.ts";
import { oracleRecord } from "../../../test/helpers/oracle-record.ts";
import { short } from "../format.ts";
import type { ModelFigures, RoundRecord, ScoredGroup, Stage } from "../records.ts";
import { direction, qualityClaim } from "./claims.ts";
import { reportPage } from "./page.ts";
import type { ReportRecord } from "./record.ts";
import { quoted } from "./sections/reproduce.ts";

const bare: ReportRecord = {
  name: "net.onnx",
  command: null,
  figures: null,
  accuracyChange: null,
  removal: null,
  check: null,
  rounds: [],
  kept: [],
  grouped: [],
  layerTimes: null,
  scores: [],
  scoring: null,
  locked: [],
  training: null,
  contenders: [],
  oracle: null,
  comparison: null,
  examples: {},
  rows: null,
  settings: {},
  run: null,
};

function figures(accuracy: number | null, macs: number): ModelFigures {
  return {
    accuracy,
    accuracyInterval: accuracy === null ? null : [accuracy - 0.01, accuracy + 0.01],
    loss: accuracy === null ? null : 1 - accuracy,
    lossInterval: accuracy === null ? null : [0.9 - accuracy, 1.1 - accuracy],
    divergence: null,
    parameters: 10 * macs,
    macs,
    bytes: 40 * macs,
    latencyMs: { "1": 0.5 },
    latencyQuartilesMs: { "1": [0.4, 0.6] },
  };
}

const stage = (name: Stage["stage"], accuracy: number): Stage => ({
  stage: name,
  accuracy,
  loss: 1 - accuracy,
  accuracyInterval: [accuracy - 0.01, accuracy + 0.01],
  lossInterval: [0.9 - accuracy, 1.1 - accuracy],
});

function scored(
  id: string,
  values: readonly number[],
  removed: readonly number[],
  error = 0.01,
): ScoredGroup {
  return {
    id,
    channels: values.length,
    values,
    standardErrors: values.map(() => error),
    removedAfter: values.map((_, channel) => (removed.includes(channel) ? 1 : null)),
  };
}

const round: RoundRecord = {
  round: 1,
  step: 1,
  macs: 600,
  parameters: 6000,
  stages: [stage("sliced", 0.8), stage("repaired", 0.9), stage("tuned", 0.96)],
  repair: [
    { node: "c2", kind: "Conv", residualBefore: 0.4, residualAfter: 0.1, ridge: 0.1, accepted: true },
    { node: "c3", kind: "Conv", residualBefore: 0.2, accepted: false, reason: "no gain" },
  ],
  tuning: {
    epochs: [
      { epoch: 1, loss: 0.5, penalties: {}, learningRate: 0.1, validation: { loss: 0.4, accuracy: 0.9 } },
    ],
    bestEpoch: 1,
    stoppedBy: "epochs",
    kept: true,
  },
};

const full: ReportRecord = {
  ...bare,
  command: "prune",
  figures: { before: figures(0.97, 1000), after: figures(0.96, 600), reference: "original" },
  accuracyChange: {
    difference: { value: -0.01, low: -0.02, high: 0.005, level: 0.95 },
    lost: 9,
    gained: 5,
    byPosition: false,
  },
  removal: { reached: true, stoppedBy: "target" },
  check: { difference: 1e-7, tolerance: 1e-4, examples: 8 },
  rounds: [round],
  kept: [{ id: "c1", channels: 4, kept: 2 }],
  scores: [scored("c1", [0.4, 0.1, 0.3, 0.2], [1, 3])],
  scoring: {
    criterion: "shapley",
    estimator: "permutation",
    payoff: "cross-entropy",
    data: { examples: 50 },
  },
  locked: [{ id: "out", channels: 10, prunable: 0, reason: "it is the graph output", lockedBy: "logits" }],
  examples: { rank: 50, evaluate: 40 },
  rows: 1234,
  run: {
    tool: "shapley-pruner",
    version: "1.2.3",
    command: "prune",
    subject: "net.onnx",
    arguments: ["prune", "net.onnx", "--out", "it's small.onnx"],
    options: { targetMacs: "50%", seed: 7 },
    seconds: 3.5,
    machine: { cores: 2, node: "v20.0.0", runtime: "onnxruntime-node 1.0.0" },
  },
};

const training: ReportRecord = {
  ...bare,
  command: "finetune",
  training: {
    epochs: [1, 2].map((epoch) => ({
      epoch,
      loss: 1 / epoch,
      penalties: {},
      learningRate: 0.1,
      validation: { loss: 0.5 },
    })),
    losses: Array.from({ length: 900 }, (_, k) => 1 / (1 + k)),
    bestEpoch: 2,
  },
};

const documentOf = (...records: ReportRecord[]) => parseHTML(reportPage(records)).document;
const textOf = (...records: ReportRecord[]) => documentOf(...records).body.textContent;
const headings = (record: ReportRecord) =>
  [...documentOf(record).querySelectorAll("h2")].map((heading) => heading.textContent);

describe("parts of a page", () => {
  test("a full record has them all, each linked from the contents", () => {
    const document = documentOf(full);
    expect(headings(full)).toEqual([
      "At a glance",
      "Before and after",
      "Quality as channels go",
      "What stays",
      "Scores of channels",
      "Repair",
      "Tuning between rounds",
      "What had to stay",
      "Cost and settings",
      "How to reproduce",
    ]);
    const targets = [...document.querySelectorAll("nav a")].map((link) =>
      link.getAttribute("href")!.slice(1),
    );
    expect(targets.map((id) => document.getElementById(id)?.tagName)).toEqual(targets.map(() => "H2"));
  });

  test("what a record does not have is left out", () => {
    expect(headings(bare)).toEqual([]);
    expect(headings(training)).toEqual(["Training"]);
    expect(headings({ ...bare, scores: full.scores })).toEqual(["Scores of channels"]);
  });

  test("every chart has a name, a caption and its figures as a table", () => {
    const charts = [...documentOf(full).querySelectorAll("figure")];
    expect(charts).toHaveLength(9);
    for (const chart of charts) {
      const drawings = [...chart.querySelectorAll('svg[role="img"]')];
      expect(drawings).toHaveLength(2);
      for (const drawing of drawings)
        expect(drawing.getAttribute("aria-label")).toBe(chart.querySelector(".chart-title")!.textContent);
      expect(chart.querySelector("figcaption")!.textContent).toMatch(/\.$/);
      expect(chart.querySelectorAll("details tbody tr").length).toBeGreaterThan(0);
    }
  });

  test("settings and the command line, quoted for a shell", () => {
    const text = textOf(full);
    expect(text).toContain("npx shapley-pruner prune net.onnx --out 'it'\\''s small.onnx'");
    expect(text).toMatch(/target-macs\s*50%/);
    expect(text).toContain("1,234");
    expect(["a b", "", "x'y", "--out", "50%", "c1=8,c3=20"].map(quoted)).toEqual([
      "'a b'",
      "''",
      "'x'\\''y'",
      "--out",
      "50%",
      "c1=8,c3=20",
    ]);
  });

  test("several results stand side by side under names of their own", () => {
    const page = reportPage([full, { ...full, name: "b" }, training]);
    const { document } = parseHTML(page);
    const ids = [...page.matchAll(/ id="([^"]+)"/g)].map(([, id]) => id);
    expect(new Set(ids).size).toBe(ids.length);
    expect(document.querySelectorAll("article")).toHaveLength(3);
    expect(document.querySelectorAll("#comparison + div tbody tr")).toHaveLength(3);
    expect(page).not.toContain("Oracles side by side");
    expect(page).not.toContain("Comparisons side by side");
  });

  test("oracles and comparisons among them say what they found, a line for each", () => {
    const found = comparison({ methods: 3, groups: 2 });
    const { document } = parseHTML(
      reportPage([
        { ...bare, name: "o", command: "oracle", oracle: oracleRecord(6) },
        { ...bare, name: "beam", command: "oracle", oracle: oracleRecord(30, "beam") },
        { ...bare, name: "c", command: "compare", comparison: found },
      ]),
    );
    const linesOf = (title: string) =>
      [...document.querySelectorAll(`[aria-label="${title}"] tbody tr`)].map((row) =>
        [...row.querySelectorAll("td, th")].map(({ textContent }) => textContent),
      );
    const [exact, beam] = linesOf("Oracles side by side");
    const { sets, oracle } = oracleRecord(6);
    const regrets = oracle!.rankings.map(({ judgement }) => judgement.regretMean);
    expect(exact![6]).toBe(short(sets.find(({ size }) => size === 3)!.worth, 3));
    expect(exact![7]).toContain(`(${short(Math.min(...regrets), 3)})`);
    expect([beam![0], beam![2], beam![7]]).toEqual(["beam", "beam", "-"]);
    const areas = found.entries.map(({ summary }) => summary?.areaLowest.mean ?? Infinity);
    const [line] = linesOf("Comparisons side by side");
    expect(line!.slice(0, 3)).toEqual([
      "c",
      expect.stringContaining(found.payoff),
      String(new Set(found.entries.map((entry) => entry.name)).size),
    ]);
    expect(line![5]).toContain(found.entries[areas.indexOf(Math.min(...areas))]!.name);
    expect(line![5]).toContain(short(Math.min(...areas), 3));
  });
});

describe("oracles", () => {
  const exact: ReportRecord = { ...bare, command: "oracle", oracle: oracleRecord(6) };
  const cellsOf = (record: ReportRecord) =>
    [...documentOf(record).querySelectorAll(".wide rect > title")].map(({ textContent }) => textContent);

  test("sets, exact values and rankings, each in a part of its own", () => {
    expect(headings(exact)).toEqual([
      "At a glance",
      "Oracle sets",
      "Exact Shapley values",
      "Rankings against the oracle",
    ]);
    const text = textOf(exact);
    expect(text).toContain("fails at 1 of 4 steps, where 2 channels are left out again");
    expect(text).toContain("At neither end above the random expectation: l1.");
    expect(text).toContain("No better than that expectation: l1.");
  });

  test("the matrix holds every channel of every set, and those left out again", () => {
    const cells = cellsOf(exact).filter((told) => told.startsWith("best "));
    expect(cells.filter((told) => told.endsWith(" kept"))).toHaveLength(1 + 2 + 3 + 4 + 5);
    expect(cells.filter((told) => told.endsWith(" left out"))).toEqual([
      "best 2: channel 5 left out",
      "best 3: channel 1 left out",
      "best 3: channel 0 left out",
    ]);
  });

  test.each([
    ["beam", "beam search found, not oracle sets: sets that were not tried may be better"],
    ["branch-and-bound", "holds only if removing channels never raises the payoff"],
  ] as const)("%s is never passed off as exact", (search, caveat) => {
    const record: ReportRecord = { ...bare, command: "oracle", oracle: oracleRecord(30, search) };
    expect(headings(record)).toEqual(["At a glance", "Best sets found"]);
    const text = textOf(record);
    expect(text).toContain(caveat);
    expect(text).not.toMatch(/exactly|exact Shapley|Oracle sets/);
    expect(text).toContain(
      search === "beam" ? "nothing" : "within 0.3 of the best if rises stay within 0.01",
    );
  });

  test("hundreds of channels are drawn as runs, on a part of the sizes", () => {
    const page = reportPage([{ ...bare, oracle: oracleRecord(300, "beam") }]);
    expect(page).toContain("48 of 299 sizes are drawn.");
    expect(page.length).toBeLessThan(1_000_000);
  });

  test("groups of a single channel and of two have no sets between none and all to draw", () => {
    for (const channels of [1, 2]) {
      const oracle = { ...oracleRecord(3), ...smallest(channels) };
      expect(reportPage([{ ...bare, oracle }])).not.toMatch(/NaN|Infinity|undefined/);
    }
  });

  function smallest(channels: number): Partial<ReportRecord["oracle"]> {
    const { oracle, sets } = oracleRecord(3);
    const all = Array.from({ length: channels }, (_, channel) => channel);
    return {
      channels,
      sets: Array.from({ length: channels + 1 }, (_, size) => ({
        ...sets[0]!,
        size,
        keep: all.slice(0, size),
        remove: all.slice(size),
      })),
      oracle: {
        ...oracle!,
        shapley: all,
        order: { order: all, overlap: 0, possible: 0 },
        rankings: oracle!.rankings.map((ranking) => ({
          ...ranking,
          judgement: { ...ranking.judgement, regret: all.slice(1), regretMean: 0 },
        })),
      },
    };
  }
});

describe("comparisons", () => {
  const of = (size: Parameters<typeof comparison>[0]): ReportRecord => ({
    ...bare,
    command: "compare",
    comparison: comparison(size),
  });
  const seven = of({ methods: 7, groups: 3 });

  test("conclusions first, then what they are drawn from", () => {
    expect(headings(seven)).toEqual([
      "At a glance",
      "Benefit against cost",
      "Payoff as channels go",
      "The whole network",
      "Agreement",
      "Differences between methods",
      "All methods",
    ]);
    const [first] = documentOf(seven).querySelectorAll(".conclusions li");
    expect(first!.textContent).toBe(seven.comparison!.conclusions[0]);
  });

  test("a method looks the same in every legend and chart", () => {
    const { document } = parseHTML(reportPage([seven]));
    const looks = new Map<string, Set<string>>();
    for (const entry of document.querySelectorAll(".legend li")) {
      const name = entry.textContent.trim();
      if (!seven.comparison!.entries.some((one) => one.name === name)) continue;
      const look = entry.querySelector("svg")!.getAttribute("style")! + entry.querySelector("svg")!.innerHTML;
      looks.set(name, (looks.get(name) ?? new Set()).add(look));
    }
    expect(looks.size).toBe(7);
    for (const found of looks.values()) expect(found.size).toBe(1);
    expect(new Set([...looks.values()].flatMap((found) => [...found])).size).toBe(7);
  });

  test("what could not be measured is told with the reason", () => {
    expect(textOf(seven)).toContain("no group is followed by a batch norm");
  });

  test("many groups: their mean and the largest; many methods: the others in grey", () => {
    const document = documentOf(of({ methods: 25, groups: 27 }));
    const titles = [...document.querySelectorAll(".chart-title")].map(({ textContent }) => textContent);
    expect(titles).toContain("Mean of all 27 groups");
    expect(titles.filter((title) => title.endsWith(": payoff as channels go"))).toHaveLength(6);
    expect(document.body.textContent).toContain("18 more in grey behind them");
  });

  test("a single seed claims nothing about noise", () => {
    const record = of({ methods: 3, groups: 1, seeds: 1 });
    expect(headings(record)).not.toContain("Differences between methods");
    expect(textOf(record)).toContain("With a single seed nothing can be said about noise.");
    expect(textOf(record)).not.toMatch(/standard deviation over 1|±/);
  });

  test("without class labels losses stand in for accuracy", () => {
    const text = textOf(of({ methods: 3, groups: 2, isClassifier: false }));
    expect(text).toContain("Minus loss with 50% of the channels gone");
    expect(text).not.toContain("Accuracy with");
  });

  test("no entry with figures, and none at all", () => {
    const { comparison: found } = seven;
    const failed = found!.entries.map((entry) => ({ ...entry, missing: "no room", runs: [], summary: null }));
    for (const entries of [failed, []]) {
      const record = { ...seven, comparison: { ...found!, entries, contrasts: [] } };
      expect(reportPage([record])).not.toMatch(/NaN|Infinity|undefined/);
    }
  });

  test.each([
    { methods: 7, groups: 3 },
    { methods: 25, groups: 27 },
    { methods: 2, groups: 1, seeds: 1, isClassifier: false },
  ])("no number goes wrong: %o", (size) => {
    expect(reportPage([of(size)]).match(/.{80}(NaN|Infinity|undefined)/)).toBeNull();
  });

  test("beside other kinds of result, each id stands once", () => {
    const page = reportPage([seven, { ...bare, oracle: oracleRecord(4) }, full]);
    const ids = [...page.matchAll(/ id="([^"]+)"/g)].map(([, id]) => id);
    expect(new Set(ids).size).toBe(ids.length);
    expect(reportPage([seven])).toBe(reportPage([structuredClone(seven)]));
  });
});

test("contenders under one target are held apart by their intervals, others are not", () => {
  const one = (name: string, accuracy: number, target: string) => ({
    name,
    target,
    cut: stage("sliced", accuracy - 0.1),
    after: figures(accuracy, 500),
    kept: full.kept,
    rows: 0,
  });
  const contenders = [
    one("a", 0.9, "half"),
    one("b", 0.905, "half"),
    one("c", 0.8, "half"),
    one("d", 0.5, "floor"),
  ];
  const text = textOf({ ...full, command: "demo", contenders });
  expect(text).toContain(
    "By these intervals the accuracy of a is, under the same target, above c; not to be told from b.",
  );
});

test("headings go down one level at a time", () => {
  const records = [
    full,
    { ...bare, oracle: oracleRecord(4) },
    { ...bare, comparison: comparison({ methods: 7, groups: 9 }) },
  ];
  for (const page of [...records.map((record) => [record]), records]) {
    const levels = [...documentOf(...page).querySelectorAll("h1, h2, h3, h4, h5")].map(({ tagName }) =>
      Number(tagName[1]),
    );
    expect(levels[0]).toBe(1);
    for (const [k, level] of levels.entries())
      if (k > 0) expect(level).toBeLessThanOrEqual(levels[k - 1]! + 1);
  }
});

test("the same record gives the same bytes", () => {
  expect(reportPage([full])).toBe(reportPage([structuredClone(full)]));
  expect(reportPage([full])).toBe(reportPage([full]));
});

describe("text from models and files stays text", () => {
  const evil = `</title><script>alert("1")</script><img src=x onerror='a()'>&amp;`;
  const record: ReportRecord = {
    ...full,
    name: evil,
    kept: [{ id: evil, channels: 4, kept: 2 }],
    scores: [{ ...full.scores[0]!, id: evil }],
    rounds: [{ ...round, repair: [{ ...round.repair![0]!, node: evil, reason: evil }] }],
    locked: [{ id: evil, channels: 1, prunable: 0, reason: evil, lockedBy: evil }],
    settings: { [evil]: evil },
    run: { ...full.run!, arguments: [evil], options: { [evil]: [evil] } },
  };

  test("no element is made of it", () => {
    for (const records of [[record], [record, training]]) {
      const page = reportPage(records);
      expect(page.match(/.{80}<(script|img)/gi)).toBeNull();
      const { document } = parseHTML(page);
      expect(document.querySelectorAll("script, img")).toHaveLength(0);
      for (const element of document.querySelectorAll("*"))
        for (const { name } of element.attributes) expect(name).not.toMatch(/^on/i);
      expect(document.body.textContent).toContain(evil);
    }
  });

  test("nothing is fetched from anywhere", () => {
    const page = reportPage([full, training]);
    expect(page.includes("default-src 'none'")).toBe(true);
    expect(page.match(/(src|href)=["']?(?!#)[^"'\s>]|url\(|@import/)).toBeNull();
  });
});

describe("claims", () => {
  test("a difference inside the interval is no difference", () => {
    expect(textOf(full)).toContain("No difference in accuracy beyond the noise: -1.00 points");
    const fell = {
      ...full.accuracyChange!,
      difference: { value: -0.01, low: -0.02, high: -0.002, level: 0.95 },
    };
    expect(textOf({ ...full, accuracyChange: fell })).toContain("Accuracy falls: -1.00 points");
  });

  test("overlapping and unknown intervals say so", () => {
    const at = (value: number, half: number | null) => ({
      value,
      bounds: half === null ? null : ([value - half, value + half] as const),
    });
    expect(direction(at(0.9, 0.02), at(0.93, 0.02))).toBe("open");
    expect(direction(at(0.9, 0.01), at(0.93, 0.01))).toBe("higher");
    expect(direction(at(0.93, 0.01), at(0.9, 0.01))).toBe("lower");
    expect(direction(at(0.1, null), at(0.9, 0.01))).toBe("open");
    expect(qualityClaim("Accuracy", "before", at(0.9, 0.02), "after", at(0.93, 0.02))).toMatch(/overlap/);
    expect(qualityClaim("Loss", "before", at(0.9, null), "after", at(0.1, 0.02))).toMatch(
      /without intervals/,
    );
  });

  test("a cut inside the errors of the scores is called noise, one outside is not", () => {
    const caption = (error: number) => {
      const scores = [scored("c1", [0.4, 0.1, 0.3, 0.2], [1, 3], error)];
      const charts = [...documentOf({ ...full, scores }).querySelectorAll("figcaption")];
      return charts.map(({ textContent }) => textContent).find((text) => text.includes("From 0.1"));
    };
    expect(caption(0.001)).toContain("is set apart (95%)");
    expect(caption(0.2)).toContain("2 of those that went last cannot be told (95%)");
    expect(caption(0)).toContain("no errors of estimation");
  });

  test("a channel that went with a higher score than one that stays leaves no cut to draw", () => {
    const cut = (removed: readonly number[]) =>
      reportPage([{ ...full, scores: [scored("c1", [0.4, 0.1, 0.3, 0.2], removed)] }]).includes(
        ">removed</text>",
      );
    expect(cut([1, 3])).toBe(true);
    expect(cut([1, 2])).toBe(false);
  });

  test("no winner among overlapping results", () => {
    const other = (name: string, accuracy: number) => ({
      ...full,
      name,
      figures: { ...full.figures!, after: figures(accuracy, 500) },
    });
    expect(textOf(full, other("b", 0.965))).toContain("no winner can be named");
    expect(textOf(full, other("b", 0.99))).toContain("b is more accurate than all others");
  });
});

describe("odd records", () => {
  const many = Array.from({ length: 600 }, (_, k) => k / 600);

  test("groups of hundreds of channels become curves, and pages stay small", () => {
    const page = reportPage([{ ...full, scores: [scored("wide", many, [0, 1, 2])] }]);
    expect(page.length).toBeLessThan(400_000);
    expect(page).toContain("A cell stands for up to 3 neighbouring channels");
    expect(page).toContain("472 more are in the data beside the report");
  });

  test("charts of many groups are drawn once, small, side by side", () => {
    const scores = Array.from({ length: 30 }, (_, k) => scored(`g${k}`, [1, 2, 3], []));
    const document = documentOf({ ...bare, scores });
    expect(document.querySelectorAll(".small > figure")).toHaveLength(30);
    expect(document.querySelectorAll('.small svg[role="img"]')).toHaveLength(30);
  });

  test("no labels, equal scores, unranked channels, a single channel, zero residuals", () => {
    const flat: ReportRecord = {
      ...full,
      accuracyChange: null,
      figures: { before: figures(null, 1000), after: figures(null, 600), reference: "original" },
      scores: [
        scored("equal", [1, 1, 1], [0]),
        {
          id: "none",
          channels: 2,
          values: [null, null],
          standardErrors: [null, null],
          removedAfter: [null, null],
        },
        scored("one", [2], []),
      ],
      rounds: [
        {
          ...round,
          stages: round.stages.map((one) => ({ ...one, accuracy: null, loss: null })),
          repair: [{ node: "a", kind: "Conv", residualBefore: 0, residualAfter: 0, accepted: true }],
        },
      ],
    };
    const idle = { before: figures(0.9, 0), after: figures(0.9, 0), reference: "original" } as const;
    expect(reportPage([{ ...full, figures: idle }]).match(/.{80}(NaN|Infinity)/)).toBeNull();
    expect(headings(flat)).not.toContain("Quality as channels go");
    expect(textOf(flat)).toContain("No quality was measured");
    expect(reportPage([flat]).match(/.{80}(NaN|Infinity|undefined)/)).toBeNull();
    expect(reportPage([full, training]).match(/.{80}(NaN|Infinity|undefined)/)).toBeNull();
  });
});
