/** @file What happens to a network between two rankings, as prune does it. */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { command, documentOf, temporaryFolder } from "../../test/helpers/command.ts";
import { noise, tinyClassifier, turns } from "../../test/helpers/tiny-classifier.ts";
import { readModelFile } from "../onnx/read.ts";
import { toNumbers } from "../tensor/tensor.ts";
import type { PruneResult } from "./prune-result.ts";

const folder = temporaryFolder();
const assets = join(import.meta.dirname, "../../assets");
const lenet = join(assets, "lenet5-mnist.onnx");
const digits = ["--data", join(assets, "mnist-rank-images.idx3-ubyte.gz"), "--pixel-scale", 255];
const bare = ["--no-latency", "--quiet"];
const half = ["--criterion", "l1", "--target-macs", "50%"];

const prune = (argv: readonly (string | number)[], out: string) =>
  documentOf<PruneResult>(["prune", ...argv, "--out", folder.file(out), ...bare]);

const accuraciesOf = ({ rounds }: PruneResult) =>
  rounds.map(({ stages }) => stages.map(({ accuracy }) => accuracy!));

describe("repair", () => {
  test("wins back what cutting lost, and says so layer by layer", async () => {
    const result = await prune([lenet, ...digits, ...half], "repaired.onnx");
    expect(result.rounds.map(({ step, stages }) => [step, ...stages.map(({ stage }) => stage)])).toEqual([
      [1, "sliced", "repaired"],
    ]);
    const [[sliced, repaired]] = accuraciesOf(result) as [[number, number]];
    expect(repaired).toBeGreaterThan((sliced + result.before.accuracy!) / 2);
    expect(result.after.accuracy).toBe(repaired);
    for (const { residualBefore, residualAfter } of result.rounds[0]!.repair!)
      expect(residualAfter!).toBeLessThanOrEqual(residualBefore!);
  });

  test("left out, weights are those of the original", async () => {
    const result = await prune([lenet, ...digits, ...half, "--no-repair"], "plain.onnx");
    expect(result.rounds).toEqual([]);
    const [before, after] = [await readModelFile(lenet), await readModelFile(folder.file("plain.onnx"))];
    const keep = result.plan.groups.find(({ id }) => id === "c1")!.keep;
    const [whole, left] = [before, after].map(({ graph }) =>
      toNumbers(graph.initializers.get("c1.weight")!.load()),
    );
    expect([...left!]).toEqual(
      keep.flatMap((channel) => [...whole!.subarray(25 * channel, 25 * channel + 25)]),
    );
  });

  test("each round cuts what the round before has repaired", async () => {
    const argv = [lenet, ...digits, "--criterion", "mean-activation", "--target-macs", "40%", "--steps", 3];
    const result = await prune(argv, "rounds.onnx");
    expect(result.rounds.map(({ step }) => step)).toEqual([1, 2, 3]);
    const once = await prune(argv.slice(0, -2), "once.onnx");
    expect(result.after.macs).toBeLessThanOrEqual(0.4 * result.before.macs);
    expect(result.after.accuracy!).toBeGreaterThan(once.after.accuracy! - 0.03);
  });

  test("the same bytes for any number of workers", async () => {
    const bytes = async (workers: number) => {
      const name = `w${workers}.onnx`;
      await prune([lenet, ...digits, "--limit", 300, ...half, "--workers", workers], name);
      return readFileSync(folder.file(name));
    };
    expect((await bytes(1)).equals(await bytes(3))).toBe(true);
  });

  test("a model whose batch is fixed keeps it", async () => {
    const model = folder.model("fixed.onnx", tinyClassifier(2));
    const data = ["--data", folder.npy("f-images.npy", noise([40, 1, 6, 6]))];
    folder.npy("f-labels.npy", turns(40));
    const argv = [model, ...data, "--criterion", "l1", "--keep", 0.5];
    const result = await prune(argv, "fixed-out.onnx");
    expect(result.rounds).toHaveLength(1);
    const { graph } = await readModelFile(folder.file("fixed-out.onnx"));
    expect([graph.inputs[0]!.shape, graph.outputs[0]!.shape]).toEqual([
      [2, 1, 6, 6],
      [2, 2],
    ]);
  });
});

describe("tuning", () => {
  const gentle = ["--finetune", 2, "--lr", 0.02, "--batch", 64];

  test("after repair, with the original as teacher, on examples of its own", async () => {
    const argv = [lenet, ...digits, "--criterion", "l1", "--target-macs", "30%", ...gentle];
    const result = await prune(argv, "tuned.onnx");
    const [round] = result.rounds;
    expect(round!.stages.map(({ stage }) => stage)).toEqual(["sliced", "repaired", "tuned"]);
    expect(round!.tuning!.epochs).toHaveLength(2);
    const [cut, repaired, tuned] = round!.stages.map(({ accuracy }) => accuracy!) as [number, number, number];
    expect(tuned).toBeGreaterThan(Math.max(cut, repaired - 0.02));
    expect(result.after.accuracy).toBe(tuned);
    const { rank, calibrate, tune, validate, evaluate } = result.examples!;
    expect([rank + tune + validate + evaluate, calibrate <= tune]).toEqual([1000, true]);
  });

  test("without labels the original alone teaches", async () => {
    const argv = [
      lenet,
      ...digits,
      "--no-labels",
      "--criterion",
      "l1",
      "--target-macs",
      "50%",
      "--finetune",
      1,
    ];
    const result = await prune(argv, "taught.onnx");
    const [, repaired] = result.rounds[0]!.stages;
    expect(repaired!.accuracy).toBe(null);
    expect(result.rounds[0]!.tuning!.epochs[0]!.validation!.accuracy).toBe(undefined);
    expect(result.after.divergence!).toBeLessThan(1);
  });

  test("after every round", async () => {
    const argv = [lenet, ...digits, "--criterion", "taylor", "--target-macs", "40%", "--steps", 2];
    const result = await prune([...argv, "--finetune", 1, "--no-repair"], "twice.onnx");
    expect(result.rounds.map(({ step, repair, tuning }) => [step, repair, tuning?.epochs.length])).toEqual([
      [1, null, 1],
      [2, null, 1],
    ]);
  });

  test("that does harm is not taken", async () => {
    const argv = [
      lenet,
      ...digits,
      "--criterion",
      "l1",
      "--target-macs",
      "50%",
      "--finetune",
      1,
      "--lr",
      0.4,
    ];
    const result = await prune([...argv, "--clip", 50], "harmed.onnx");
    const [, repaired, tuned] = result.rounds[0]!.stages;
    expect(result.rounds[0]!.tuning!.kept).toBe(false);
    expect(tuned!.accuracy).toBe(repaired!.accuracy);
  });

  test("options about training are refused without it", async () => {
    for (const stray of [["--lr", "0.1"], ["--freeze-norm"], ["--no-decay-all"], ["--no-teacher"]]) {
      const { err, code } = await command([
        "prune",
        lenet,
        ...half,
        ...stray,
        "--out",
        folder.file("x.onnx"),
      ]);
      expect([code, err]).toEqual([2, expect.stringMatching(/^error \(usage\).*--finetune EPOCHS/)]);
      expect(err).toContain(`${stray[0]} is for`);
    }
    const bareTuning = ["prune", lenet, ...half, "--finetune", "1", "--out", folder.file("x.onnx")];
    expect((await command(bareTuning)).err).toMatch(/--finetune needs --data/);
  });
});
