import { execFile } from "node:child_process";
import { createRequire } from "node:module";
import { pathToFileURL } from "node:url";
import { promisify } from "node:util";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { TestJob, TestSetup } from "../../test/helpers/pool-worker.ts";
import { isProblem } from "../base/problem.ts";
import { createPool, type Pool } from "./thread-pool.ts";

const entry = new URL("../../test/helpers/pool-worker.ts", import.meta.url);
const tsxArguments = ["--import", pathToFileURL(createRequire(import.meta.url).resolve("tsx")).href];
const shared = new Int32Array(new SharedArrayBuffer(4));

function open(workers: number, setup: TestSetup): Promise<Pool<TestJob, unknown>> {
  return createPool<TestJob, unknown>({ entry, workers, setup });
}

describe("a pool of three threads", () => {
  let pool: Pool<TestJob, unknown>;
  beforeAll(async () => {
    pool = await open(3, { factor: 10, shared });
  });
  afterAll(() => pool.close());

  test("gives every job its own result, whatever the order of finishing", async () => {
    const values = Array.from({ length: 20 }, (_, value) => value);
    const results = values.map((value) => pool.run({ do: "multiply", value, waitMs: (value * 7) % 5 }));
    expect(await Promise.all(results)).toEqual(values.map((value) => value * 10));
  });

  test("works in all threads at once", async () => {
    const jobs = Array.from({ length: 3 }, () => pool.run({ do: "whoami", waitMs: 50 }));
    expect(new Set(await Promise.all(jobs)).size).toBe(3);
  });

  test("shares memory through the setup", async () => {
    const before = Atomics.load(shared, 0);
    await Promise.all(Array.from({ length: 9 }, () => pool.run({ do: "count" })));
    expect(Atomics.load(shared, 0)).toBe(before + 9);
  });

  test("sends what jobs mention to every thread once, until it is no longer pinned", async () => {
    const [first, second] = [pool.pin({ number: 4 }), pool.pin({ number: 5 })];
    const answers = [first, second, first, second, first].map((value) =>
      pool.run({ do: "multiplyPinned", value }),
    );
    expect(await Promise.all(answers)).toEqual([40, 50, 40, 50, 40]);
    pool.unpin(first);
    const late = Array.from({ length: 3 }, () => pool.run({ do: "multiplyPinned", value: first }));
    for (const answer of await Promise.allSettled(late))
      expect(answer).toMatchObject({
        status: "rejected",
        reason: { message: expect.stringContaining("pin") },
      });
    expect(await pool.run({ do: "multiplyPinned", value: second })).toBe(50);
    expect(() => pool.pin({ number: () => 1 })).toThrow(/clone/);
  });

  test("gives a thread a second job where both are short, and never more", async () => {
    const short = { isShort: true };
    const blockers = Array.from({ length: 3 }, () => pool.run({ do: "whoami", waitMs: 60 }, short));
    const controller = new AbortController();
    const before = Atomics.load(shared, 0);
    const behind = Array.from({ length: 3 }, () => pool.run({ do: "count" }, short));
    const queued = pool.run({ do: "count" }, { ...short, signal: controller.signal });
    controller.abort(new Error("enough"));
    await expect(queued).rejects.toThrow("enough");
    expect(new Set(await Promise.all(blockers)).size).toBe(3);
    await Promise.all(behind);
    expect(Atomics.load(shared, 0)).toBe(before + 3);
  });

  test("does not let a short job wait for a long one, nor a long one for a short one", async () => {
    for (const [first, second] of [
      [{}, { isShort: true }],
      [{ isShort: true }, {}],
    ]) {
      const blockers = Array.from({ length: 3 }, () => pool.run({ do: "whoami", waitMs: 60 }, first));
      const controller = new AbortController();
      const before = Atomics.load(shared, 0);
      const waiting = pool.run({ do: "count" }, { ...second, signal: controller.signal });
      controller.abort(new Error("enough"));
      await expect(waiting).rejects.toThrow("enough");
      await Promise.all(blockers);
      expect(Atomics.load(shared, 0)).toBe(before);
    }
  });

  test("answers the jobs of a thread one after the other", async () => {
    const single = await open(1, { factor: 1 });
    const order: string[] = [];
    const slow = single.run({ do: "multiply", value: 1, waitMs: 40 }, { isShort: true });
    const quick = single.run({ do: "multiply", value: 2 }, { isShort: true });
    await Promise.all([slow.then(() => order.push("slow")), quick.then(() => order.push("quick"))]);
    expect(order).toEqual(["slow", "quick"]);
    await single.close();
  });

  test("rebuilds coded errors and goes on working", async () => {
    const error = await pool.run({ do: "fail" }).catch((reason: unknown) => reason);
    expect(isProblem(error, "invalid-option")).toBe(true);
    expect(error).toMatchObject({ data: { option: "x", got: "1", expected: "2" } });
    await expect(pool.run({ do: "throw" })).rejects.toThrow("raw");
    expect(await pool.run({ do: "multiply", value: 2 })).toBe(20);
  });

  test("moves buffers both ways", async () => {
    const bytes = Uint8Array.of(1, 2, 3);
    const back = await pool.run({ do: "bytes", bytes }, { transfer: [bytes.buffer] });
    expect(back).toEqual(Uint8Array.of(1, 2, 3));
    expect(bytes.length).toBe(0);
  });

  test("a job that cannot be cloned fails alone", async () => {
    const job = { do: "multiply", value: () => 1 } as unknown as TestJob;
    await expect(pool.run(job)).rejects.toThrow(/clone/);
    expect(await pool.run({ do: "multiply", value: 3 })).toBe(30);
  });

  test("drops a waiting job and ignores a running one after an abort", async () => {
    const before = Atomics.load(shared, 0);
    const blockers = Array.from({ length: 3 }, () => pool.run({ do: "whoami", waitMs: 60 }));
    const controller = new AbortController();
    const waiting = pool.run({ do: "count" }, { signal: controller.signal });
    controller.abort(new Error("enough"));
    await expect(waiting).rejects.toThrow("enough");
    await Promise.all(blockers);
    expect(Atomics.load(shared, 0)).toBe(before);

    const late = new AbortController();
    const under = pool.run({ do: "multiply", value: 1, waitMs: 30 }, { signal: late.signal });
    late.abort(new Error("too late"));
    await expect(under).rejects.toThrow("too late");
    await expect(pool.run({ do: "count" }, { signal: late.signal })).rejects.toThrow("too late");
    expect(await pool.run({ do: "multiply", value: 4 })).toBe(40);
  });

  test("tells once when no thread works on a job any more, however it ended", async () => {
    await Promise.all(Array.from({ length: 3 }, () => pool.run({ do: "whoami", waitMs: 50 }))); // all are idle again
    const done: string[] = [];
    const told = (name: string) => ({ onDone: () => done.push(name) });
    await pool.run({ do: "multiply", value: 1 }, told("answered"));
    await pool.run({ do: "fail" }, told("failed")).catch(() => undefined);
    const unclonable = { do: "multiply", value: () => 1 } as unknown as TestJob;
    await pool.run(unclonable, told("not cloned")).catch(() => undefined);
    const aborted = { signal: AbortSignal.abort() };
    await pool.run({ do: "count" }, { ...aborted, ...told("too late") }).catch(() => undefined);
    expect(done).toEqual(["answered", "failed", "not cloned", "too late"]);
    const controller = new AbortController();
    const running = Array.from({ length: 3 }, () =>
      pool.run({ do: "whoami", waitMs: 60 }, { signal: controller.signal, ...told("ran on") }),
    );
    const waiting = pool.run({ do: "count" }, { signal: controller.signal, ...told("dropped") });
    controller.abort(new Error("enough"));
    await Promise.allSettled([...running, waiting]);
    expect(done.slice(4)).toEqual(["dropped"]);
    await Promise.all(Array.from({ length: 3 }, () => pool.run({ do: "whoami", waitMs: 5 })));
    expect(done.slice(5)).toEqual(["ran on", "ran on", "ran on"]);
  });
});

test("a dead thread rejects its job, the queue and everything after", async () => {
  const pool = await open(1, { factor: 1 });
  const dying = pool.run({ do: "exit" });
  const queued = pool.run({ do: "multiply", value: 1 });
  await expect(dying).rejects.toMatchObject({ code: "worker-died" });
  await expect(queued).rejects.toMatchObject({ code: "worker-died" });
  await expect(pool.run({ do: "multiply", value: 1 })).rejects.toMatchObject({ code: "worker-died" });
  await pool.close();
});

test("a setup that throws rejects the pool with the same code", async () => {
  await expect(open(2, { factor: 1, refuse: true })).rejects.toMatchObject({ code: "usage" });
});

test("an entry that does not exist is a dead worker, not a hang", async () => {
  const missing = createPool({ entry: new URL("./nowhere.ts", import.meta.url), workers: 1, setup: null });
  await expect(missing).rejects.toMatchObject({ code: "worker-died" });
});

test("an open but idle pool lets the process end", async () => {
  const program = `
    import { createPool } from ${JSON.stringify(new URL("./thread-pool.ts", import.meta.url).href)};
    const pool = await createPool({ entry: new URL(${JSON.stringify(entry.href)}), workers: 2, setup: { factor: 2 } });
    process.stdout.write(String(await pool.run({ do: "multiply", value: 21 })));`;
  const args = [...tsxArguments, "--input-type=module", "--eval", program];
  const { stdout } = await promisify(execFile)(process.execPath, args, { timeout: 20_000 });
  expect(stdout).toBe("42");
});

test("closing rejects what is under way", async () => {
  const pool = await open(1, { factor: 1 });
  const job = pool.run({ do: "whoami", waitMs: 5_000 });
  const rejected = expect(job).rejects.toMatchObject({ code: "worker-died" });
  await pool.close();
  await rejected;
});
