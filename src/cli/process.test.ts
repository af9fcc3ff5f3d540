/** @file The compiled command in processes of its own: killed and resumed, interrupted, without stray output. */
import { existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as wait } from "node:timers/promises";
import { afterAll, describe, expect, test } from "vitest";
import { buildCommand, start, until } from "../../test/helpers/built-command.ts";
import { temporaryFolder } from "../../test/helpers/command.ts";
import { stream, uniform } from "../math/random.ts";

const assets = join(import.meta.dirname, "../../assets");
const model = join(assets, "lenet5-mnist.onnx");
const digits = ["--data", join(assets, "mnist-rank-images.idx3-ubyte.gz"), "--pixel-scale", 255];
const folder = temporaryFolder();
const { file, remove } = buildCommand();
afterAll(remove);

/** About a second and a half of ranking on one worker. */
const ranking = (out: string) => [
  ...["rank", model, ...digits, "--limit", 300, "--budget", "12k", "--workers", 1],
  ...["--out", out, "--save-every", 0.02],
];

interface State {
  readonly finished: readonly unknown[];
  readonly current: { readonly rows: number } | null;
}

function stateOf(out: string): State | undefined {
  if (!existsSync(`${out}.partial`)) return undefined;
  return JSON.parse(readFileSync(`${out}.partial`, "utf8")) as State;
}

const progressOf = (state: State | undefined) =>
  state === undefined ? 0 : 12_000 * state.finished.length + (state.current?.rows ?? 0);

let unbroken: Buffer;
async function unbrokenBytes(): Promise<Buffer> {
  if (unbroken !== undefined) return unbroken;
  const out = folder.file("unbroken.json");
  const ended = await start(file, ranking(out)).ended;
  expect(ended).toMatchObject({ code: 0, err: "" });
  unbroken = readFileSync(out);
  return unbroken;
}

describe("a ranking that is cut short", () => {
  test.each([1, 2, 3])(
    "killed at random moments and resumed it ends with the same bytes (seed %i)",
    async (seed) => {
      const expected = await unbrokenBytes();
      const out = folder.file(`killed-${seed}.json`);
      const random = stream(seed, 0);
      let progress = 0;
      for (let kills = 0; kills < 3 && !existsSync(out); kills++) {
        const run = start(file, [...ranking(out), "--resume"]);
        await until(() => progressOf(stateOf(out)) > progress || run.process.exitCode !== null);
        await wait(250 * uniform(random));
        run.process.kill("SIGKILL");
        await run.ended;
        const reached = progressOf(stateOf(out));
        if (!existsSync(out)) expect(reached).toBeGreaterThan(progress);
        progress = reached;
      }
      const last = await start(file, [...ranking(out), "--resume"]).ended;
      expect(last).toMatchObject({ code: 0, err: "" });
      expect(readFileSync(out).equals(expected)).toBe(true);
      expect(existsSync(`${out}.partial`)).toBe(false);
    },
  );

  test("interrupted it says so, keeps its state and goes on from there", async () => {
    const expected = await unbrokenBytes();
    const out = folder.file("interrupted.json");
    const run = start(file, [...ranking(out), "--json"]);
    await until(() => progressOf(stateOf(out)) > 0);
    run.process.kill("SIGINT");
    const ended = await run.ended;
    expect(ended.code).toBe(130);
    expect(ended.err).toBe(
      "error (interrupted): Interrupted. Run the same command with --resume to continue.\n",
    );
    expect((JSON.parse(ended.out) as { error: { code: string } }).error.code).toBe("interrupted");
    expect(existsSync(out)).toBe(false);
    expect(progressOf(stateOf(out))).toBeGreaterThan(0);
    expect((await start(file, [...ranking(out), "--resume"]).ended).code).toBe(0);
    expect(readFileSync(out).equals(expected)).toBe(true);
  });

  test("interrupted a second time before it got further it still has what it had", async () => {
    const out = folder.file("twice.json");
    const first = start(file, ranking(out));
    await until(() => progressOf(stateOf(out)) > 12_000);
    first.process.kill("SIGINT");
    await first.ended;
    const had = progressOf(stateOf(out));
    const second = start(file, [...ranking(out), "--resume"]);
    await wait(250);
    second.process.kill("SIGTERM");
    const { code } = await second.ended;
    if (existsSync(out)) return; // it was through before the signal came
    expect(code === 130 || code === null).toBe(true);
    expect(progressOf(stateOf(out))).toBeGreaterThanOrEqual(had);
  });

  test("a state of other settings is refused, and stays", async () => {
    const out = folder.file("other.json");
    const run = start(file, ranking(out));
    await until(() => progressOf(stateOf(out)) > 0);
    run.process.kill("SIGKILL");
    await run.ended;
    const state = readFileSync(`${out}.partial`);
    const ended = await start(file, [...ranking(out), "--resume", "--seed", 5]).ended;
    expect(ended.code).toBe(2);
    expect(ended.err).toMatch(/^error \(state-mismatch\): .*other\.json\.partial: .*differs.*\n$/);
    expect(readFileSync(`${out}.partial`).equals(state)).toBe(true);
    writeFileSync(`${out}.partial`, "null");
    expect((await start(file, [...ranking(out), "--resume"]).ended).code).toBe(2);
    writeFileSync(`${out}.partial`, state.subarray(0, 100));
    const torn = await start(file, [...ranking(out), "--resume"]).ended;
    expect(torn).toMatchObject({ code: 1, err: expect.stringMatching(/^error \(file-invalid\)/) });
    rmSync(`${out}.partial`);
  });
});

describe("a training that is cut short", () => {
  /** A few seconds on one worker: 8 epochs of 24 steps. */
  const training = (out: string) => [
    ...["train", "lenet5", ...digits, "--sizes", "6-8-20", "--epochs", 8, "--batch", 32],
    ...["--workers", 1, "--quiet", "--out", out],
  ];
  const whole = folder.file("trained.onnx");

  test("interrupted it says how to go on, and ends with the bytes of an unbroken run", async () => {
    expect(await start(file, training(whole)).ended).toMatchObject({ code: 0, err: "" });
    const out = folder.file("retrained.onnx");
    const run = start(file, training(out));
    await until(() => existsSync(`${out}.checkpoint`));
    run.process.kill("SIGINT");
    const ended = await run.ended;
    expect(ended.code).toBe(130);
    expect(ended.err).toBe(
      `error (interrupted): Interrupted. The state is in ${out}.checkpoint. Run the same command with --resume to continue.\n`,
    );
    expect(folder.names().filter((name) => name.startsWith("retrained"))).toEqual([
      "retrained.onnx.checkpoint",
    ]);
    expect(await start(file, [...training(out), "--resume"]).ended).toMatchObject({ code: 0, err: "" });
    expect(readFileSync(out).equals(readFileSync(whole))).toBe(true);
    expect(existsSync(`${out}.checkpoint`)).toBe(false);
  });

  test("killed after its first epoch it goes on from there", async () => {
    const out = folder.file("killed.onnx");
    const run = start(file, training(out));
    await until(() => existsSync(`${out}.checkpoint`));
    run.process.kill("SIGKILL");
    await run.ended;
    expect(existsSync(out)).toBe(false);
    expect((await start(file, [...training(out), "--resume"]).ended).code).toBe(0);
    expect(readFileSync(out).equals(readFileSync(whole))).toBe(true);
  });
});

describe("a pruning with training that is cut short", () => {
  /** Two rounds of ranking, repair and training on one worker. */
  const pruning = (out: string, seed = 4) => [
    ...["prune", model, ...digits, "--limit", 500, "--budget", "2k", "--target-macs", "50%", "--steps", 2],
    ...["--finetune", 8, "--batch", 32, "--seed", seed, "--workers", 1, "--no-latency", "--quiet", "--json"],
    ...["--out", out],
  ];
  const whole = folder.file("pruned.onnx");
  let told: { readonly rounds: unknown; readonly scores: unknown };

  test("keeps nothing once it is done", async () => {
    const ended = await start(file, pruning(whole)).ended;
    expect(ended).toMatchObject({ code: 0, err: "" });
    told = JSON.parse(ended.out);
    expect(existsSync(`${whole}.checkpoint`)).toBe(false);
  });

  test.each([1, 2])(
    "killed at random moments and resumed it ends with the same bytes and figures (seed %i)",
    async (seed) => {
      const out = folder.file(`pruned-${seed}.onnx`);
      const kept = `${out}.checkpoint`;
      const random = stream(seed, 0);
      const go = () => start(file, [...pruning(out), ...(existsSync(kept) ? ["--resume"] : [])]);
      let kills = 0;
      for (const stage of ["owner.json", "training-0", "round-0.onnx", "training-1"]) {
        const run = go();
        let hasEnded = false;
        void run.ended.then(() => {
          hasEnded = true;
        });
        await until(() => hasEnded || existsSync(join(kept, stage)));
        await wait(300 * uniform(random));
        if (existsSync(out)) break;
        run.process.kill("SIGKILL");
        await run.ended;
        kills++;
      }
      expect(kills).toBeGreaterThan(1);
      const ended = existsSync(out) ? undefined : await go().ended;
      if (ended !== undefined) {
        expect(ended).toMatchObject({ code: 0, err: "" });
        const { rounds, scores } = JSON.parse(ended.out);
        expect({ rounds, scores }).toEqual({ rounds: told.rounds, scores: told.scores });
      }
      expect(readFileSync(out).equals(readFileSync(whole))).toBe(true);
      if (ended !== undefined) expect(existsSync(kept)).toBe(false);
    },
  );

  test("interrupted in its training it says how to go on, takes no other settings, and goes on from there", async () => {
    const out = folder.file("stopped.onnx");
    const run = start(file, pruning(out));
    await until(() => existsSync(join(`${out}.checkpoint`, "training-1")));
    run.process.kill("SIGINT");
    const ended = await run.ended;
    expect(ended).toMatchObject({
      code: 130,
      err: `error (interrupted): Interrupted. What was finished is in ${out}.checkpoint. Run the same command with --resume to continue.\n`,
    });
    const other = await start(file, [...pruning(out, 5), "--resume"]).ended;
    expect(other).toMatchObject({ code: 2, err: expect.stringMatching(/^error \(state-mismatch\)/) });
    const again = await start(file, [...pruning(out), "--resume"]).ended;
    expect(again).toMatchObject({ code: 0, err: "" });
    expect(readFileSync(out).equals(readFileSync(whole))).toBe(true);
  });

  test("with nothing to go on from it says so, and a folder of another kind is left alone", async () => {
    const out = folder.file("nothing.onnx");
    const missing = await start(file, [...pruning(out), "--resume"]).ended;
    expect(missing).toMatchObject({ code: 2, err: expect.stringMatching(/^error \(checkpoint-missing\)/) });
    const untrained = pruning(out).filter((word) => !["--finetune", 8, "--batch", 32].includes(word));
    const useless = await start(file, [...untrained, "--resume"]).ended;
    expect(useless).toMatchObject({ code: 2, err: expect.stringMatching(/^error \(usage\).*--finetune/) });
    mkdirSync(`${out}.checkpoint`);
    writeFileSync(join(`${out}.checkpoint`, "mine"), "");
    const refused = await start(file, pruning(out)).ended;
    expect(refused.err).toMatch(/^error \(file-unwritable\)/);
    expect(existsSync(join(`${out}.checkpoint`, "mine"))).toBe(true);
  });
});

test("a pruning that is interrupted leaves nothing", async () => {
  const out = folder.file("never.onnx");
  const argv = [
    "prune",
    model,
    ...digits,
    "--budget",
    "400k",
    "--target-macs",
    "50%",
    "--out",
    out,
    "--workers",
    1,
  ];
  const run = start(file, argv);
  await wait(1200);
  run.process.kill("SIGINT");
  const ended = await run.ended;
  expect(ended.code).toBe(130);
  expect(ended.err).toMatch(/^error \(interrupted\): Interrupted\. Nothing was written\..*\n$/);
  expect(folder.names().filter((name) => name.startsWith("never"))).toEqual([]);
});

test("results go to stdout, and nothing but results goes anywhere", async () => {
  const out = folder.file("small.onnx");
  const argv = ["prune", model, ...digits, "--limit", 200, "--budget", "3k", "--keep", 0.5, "--steps", 2];
  const ended = await start(file, [...argv, "--out", out, "--json", "--quiet"]).ended;
  expect(ended).toMatchObject({ code: 0, err: "" }); // no warning of Node's, no progress
  expect(JSON.parse(ended.out)).toMatchObject({ reached: true });
  const second = ["evaluate", out, "--against", model, ...digits, "--limit", 200, "--no-latency"]; // a slow moment would be remarked on
  const evaluated = await start(file, second).ended;
  expect(evaluated).toMatchObject({ code: 0, err: "" });
  expect(evaluated.out).toMatch(/accuracy .*points/);
  const wrong = await start(file, ["prune", model, "--keep", 0.5, "--out", folder.file("no/x.onnx")]).ended;
  expect(wrong).toMatchObject({ code: 2, out: "" });
  expect(wrong.err.split("\n")).toHaveLength(2);
});
