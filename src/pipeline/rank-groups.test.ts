/** @file Games of one group and of all groups: equal where they are the same game, exact, resumed, in rounds. */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { documentOf, temporaryFolder } from "../../test/helpers/command.ts";
import { refusals } from "../../test/helpers/refusals.ts";
import { noise, tinyClassifier, turns } from "../../test/helpers/tiny-classifier.ts";
import { isProblem } from "../base/problem.ts";
import { everyMask } from "../games/coalitions.ts";
import { binomial } from "../math/combinatorics.ts";
import { mean, sum } from "../math/sums.ts";
import { networkGame } from "../valuation/network-game.ts";
import { startRunner } from "../valuation/runner.ts";
import { preparePayoff } from "../valuation/targets.ts";
import { loadModel, runnable } from "./load-model.ts";
import type { PruneResult } from "./prune-result.ts";
import { rank } from "./rank.ts";
import { partialPath, type Scores } from "./scores-file.ts";
import { openFor } from "./settings.ts";

const folder = temporaryFolder();
const tiny = folder.model("tiny.onnx", tinyClassifier());
const images = folder.npy("x-images.npy", noise([40, 1, 6, 6]));
folder.npy("x-labels.npy", turns(40));
const data = ["--data", images, "--workers", 1, "--quiet"];
const assets = join(import.meta.dirname, "../../assets");
const lenet = join(assets, "lenet5-mnist.onnx");
const digits = ["--data", join(assets, "mnist-rank-images.idx3-ubyte.gz"), "--pixel-scale", 255];

const ranked = (...argv: readonly (string | number)[]) =>
  documentOf<Scores>(["rank", tiny, ...data, ...argv]);
const valuesOf = ({ groups }: Scores) => groups.flatMap(({ values }) => [...values]);

/** Mean payoff of every coalition of all channels, by the bits of its members. */
async function tabulated(): Promise<number[]> {
  const analysis = runnable(await loadModel(tiny));
  const dataset = await openFor(analysis, { path: images });
  const runner = await startRunner({ workers: 1 });
  try {
    const payoff = await preparePayoff(analysis, dataset, runner);
    const game = await networkGame({ analysis, groups: [0, 1], dataset, payoff, runner });
    const all = everyMask(game.players);
    const worth: number[] = [];
    for (let bits = 0; bits < 2 ** game.players; bits++) {
      const mask = all.subarray(bits * game.players, (bits + 1) * game.players);
      const masks = Uint8Array.from({ length: 40 * game.players }, (_, at) => mask[at % game.players]!);
      worth.push(
        mean(
          await game.values(
            masks,
            Uint32Array.from({ length: 40 }, (_, k) => k),
          ),
        ),
      );
    }
    return worth;
  } finally {
    await runner.close();
  }
}

/** The definition: every coalition without the player, weighed by its size. */
function shapley(worth: readonly number[], players: number, player: number): number {
  const sizeOf = (bits: number) => bits.toString(2).replaceAll("0", "").length;
  return sum(
    worth.map((without, bits) =>
      (bits >> player) & 1
        ? 0
        : (worth[bits | (1 << player)]! - without) / (players * binomial(players - 1, sizeOf(bits))),
    ),
  );
}

describe("a joint game", () => {
  test.each(["permutation", "kernel-shap", "leave-one-out"])(
    "of one group is the game of that group, bit for bit (%s)",
    async (estimator) => {
      const one = ["--only", "c2", "--estimator", estimator, "--budget", 2000, "--seed", 3];
      const plain = await ranked(...one);
      const joint = await ranked(...one, "--players", "joint");
      expect(joint.groups).toEqual(plain.groups);
      expect(joint.rows).toBe(plain.rows);
      expect([plain.players, joint.players]).toEqual([undefined, "joint"]);
    },
  );

  test("of two groups has the values of the definition, which share out one sum", async () => {
    const worth = await tabulated();
    const joint = await ranked("--players", "joint", "--estimator", "exact");
    expect(joint.groups.map(({ id, values }) => [id, values.length])).toEqual([
      ["c1", 4],
      ["c2", 5],
    ]);
    valuesOf(joint).forEach((value, player) => {
      expect(value).toBeCloseTo(shapley(worth, 9, player), 6);
    });
    expect(sum(valuesOf(joint))).toBeCloseTo(worth.at(-1)! - worth[0]!, 6);
    const apart = await ranked("--estimator", "exact");
    const others = [0b111110000, 0b000001111]; // what a group's own game has without any of its channels
    for (const [k, { values }] of apart.groups.entries())
      expect(sum(values)).toBeCloseTo(worth.at(-1)! - worth[others[k]!]!, 6);
  });

  test("spends the rows of its groups together, and tells each group its part of them", async () => {
    const joint = await ranked("--players", "joint", "--budget", 1000);
    expect(joint.rows).toBeLessThanOrEqual(2000);
    expect(joint.rows).toBeGreaterThan(1900);
    expect(sum(joint.groups.map(({ rows }) => rows))).toBe(joint.rows);
    expect(joint.groups[0]!.rows / joint.rows).toBeCloseTo(4 / 9, 2);
  });

  test("settles the set of all channels that would go", async () => {
    const joint = await ranked("--players", "joint", "--settle-at", 0.3, "--budget", "200k");
    expect(joint.groups.map(({ stoppedBy }) => stoppedBy)).toEqual(["settled", "settled"]);
    expect(joint.rows).toBeLessThan(400_000);
  });

  test("that was interrupted ends with the bytes of an unbroken one", async () => {
    const model = await loadModel(tiny);
    const options = {
      model,
      data: { path: images },
      workers: 1,
      settings: {
        criterion: "shapley",
        estimator: "permutation",
        players: "joint",
        seed: 1,
        budget: { rows: 20_000 },
      },
    } as const;
    await rank({ ...options, out: folder.file("whole.json") });
    const broken = { ...options, out: folder.file("broken.json"), resume: true };
    for (let stops = 1; stops <= 3; stops++) {
      const controller = new AbortController();
      let seen = 0;
      const onProgress = ({ unit }: { readonly unit: string }) => {
        if (unit === "rows" && ++seen > 3) controller.abort();
      };
      const error = await rank({ ...broken, signal: controller.signal, onProgress }).catch((cause) => cause);
      expect(isProblem(error, "interrupted")).toBe(true);
      const left = JSON.parse(readFileSync(partialPath(broken.out), "utf8"));
      expect(left).toMatchObject({ finished: [], current: { players: 9, calls: 4 * stops } });
    }
    await rank(broken);
    expect(readFileSync(broken.out)).toEqual(readFileSync(folder.file("whole.json")));
  });

  test("is played again by the channels that are left, round by round", async () => {
    const result = await documentOf<PruneResult>([
      ...["prune", tiny, ...data, "--out", folder.file("out.onnx"), "--no-latency", "--players", "joint"],
      ...["--budget", 200, "--keep-channels", "c1=1,c2=3", "--steps", 3],
    ]);
    expect(result.scoring).toMatchObject({ criterion: "shapley", players: "joint" });
    expect(result.groups.slice(0, 2).map(({ kept }) => kept)).toEqual([1, 3]);
    expect(result.steps).toBe(3);
    expect(result.rows).toBeLessThanOrEqual(3 * 2 * 200);
  });

  test("of every channel of a network holds what its groups had together", async () => {
    const argv = ["rank", lenet, ...digits, "--limit", 100, "--workers", 2, "--quiet", "--players", "joint"];
    const joint = await documentOf<Scores>([...argv, "--budget", 2000]);
    expect(joint.groups.map(({ channels }) => channels)).toEqual([10, 20, 100, 25]);
    expect(joint.rows).toBeLessThanOrEqual(8000);
    expect(valuesOf(joint).filter((value) => value !== 0).length).toBeGreaterThan(100);
  });
});

const all = refusals(folder);
const joint = ["--players", "joint"];
all("joint games that cannot be", [
  [
    "a criterion that plays no game",
    () => ["rank", tiny, "--criterion", "l1", ...joint],
    "usage",
    2,
    /--players joint.*l1 plays none/,
  ],
  [
    "the same when pruning",
    () => [
      "prune",
      tiny,
      ...data,
      "--criterion",
      "taylor",
      "--keep",
      0.5,
      "--out",
      folder.file("no.onnx"),
      ...joint,
    ],
    "usage",
    2,
    /taylor plays none/,
  ],
  [
    "too few rows for all players, told in rows for each group",
    () => ["rank", tiny, ...data, "--budget", 4, "--estimator", "permutation", ...joint],
    "budget-too-small",
    2,
    /budget of 4 rows.*at least 9 /,
  ],
  [
    "more coalitions than can be tried",
    () => ["rank", lenet, ...digits, "--limit", 10, "--estimator", "exact", ...joint],
    "too-many-coalitions",
    2,
  ],
]);
