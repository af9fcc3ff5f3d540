import { expect, test } from "vitest";
import { rankFirstLayer } from "../examples/one-layer.ts";

test("the example values one layer and watches the estimates run", async () => {
  const spent: number[] = [];
  const order = await rankFirstLayer((rows) => spent.push(rows));
  expect([...order].sort((a, b) => a - b)).toEqual([...Array(10).keys()]);
  expect(spent.length).toBeGreaterThan(1);
  expect(spent.at(-1)).toBeLessThanOrEqual(20_000);
});
