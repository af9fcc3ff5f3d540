/** @file Latency on a clock that the test moves. */
import { expect, test } from "vitest";
import { measureLatencies } from "./latency.ts";

/** Runs that take the given times one after another, on one clock, noting who ran. */
function clockwork() {
  let time = 0;
  const order: string[] = [];
  const model = (name: string, durations: (run: number) => number) => {
    let run = 0;
    return async () => {
      order.push(name);
      time += durations(run++);
    };
  };
  return { now: () => time, order, model };
}

test("median and quartiles leave out the warm-up", async () => {
  const { now, model } = clockwork();
  const slowStart = model("a", (run) => (run < 2 ? 1000 : run - 1)); // then 1, 2, 3, 4, 5 ms
  expect(await measureLatencies([slowStart], { warmup: 2, runs: 5, now })).toEqual([
    {
      medianMs: 3,
      lowMs: 2,
      highMs: 4,
      runs: 5,
    },
  ]);
});

test("models take turns, and every other round goes backwards", async () => {
  const { now, order, model } = clockwork();
  const [a, b] = await measureLatencies([model("a", () => 2), model("b", () => 3)], {
    warmup: 1,
    runs: 2,
    now,
  });
  expect(order.join("")).toBe("baabba");
  expect([a?.medianMs, b?.medianMs]).toEqual([2, 3]);
});

test("a machine that slows down halfway treats both models alike", async () => {
  const { now, model } = clockwork();
  const throttled = (run: number): number => (run < 10 ? 1 : 5);
  const [a, b] = await measureLatencies([model("a", throttled), model("b", throttled)], {
    warmup: 0,
    runs: 20,
    now,
  });
  expect(a).toEqual(b);
});

test("an abort ends the measurement", async () => {
  const abort = new AbortController();
  let runs = 0;
  const run = async (): Promise<void> => {
    if (++runs === 4) abort.abort();
  };
  await expect(measureLatencies([run], { runs: 1000, signal: abort.signal })).rejects.toThrow("abort");
  expect(runs).toBe(4);
});

test("no runs, no latency", async () => {
  await expect(measureLatencies([async () => {}], { runs: 0 })).rejects.toThrow(RangeError);
});
