/** @file What examples are stored as is told by headers, however much lies behind them. */
import * as fs from "node:fs";
import { zipSync } from "fflate";
import { expect, test, vi } from "vitest";
import { npyBytes } from "../../test/helpers/array-files.ts";
import { temporaryFolder } from "../../test/helpers/command.ts";
import { headBytes } from "./array-header.ts";
import { storedInputs } from "./stored-inputs.ts";

vi.mock("node:fs", async (original) => {
  const real = await original<typeof fs>();
  return { ...real, readSync: vi.fn(real.readSync) };
});

const folder = temporaryFolder();
const array = { dtype: "uint8" as const, shape: [500, 64, 64], data: new Uint8Array(500 * 4096).fill(3) };
const expected = { dtype: "uint8", shape: [64, 64] };

test.each([
  ["an .npy", "x.npy", npyBytes(array), ""],
  ["a stored .npz", "stored.npz", zipSync({ "x.npy": npyBytes(array) }, { level: 0 }), "x"],
])("%s is not read beyond its header", async (_, file, bytes, name) => {
  const path = folder.write(file, bytes);
  vi.mocked(fs.readSync).mockClear();
  expect(await storedInputs(path, {})).toEqual(new Map([[name, expected]]));
  const read = vi.mocked(fs.readSync).mock.results.reduce((sum, { value }) => sum + Number(value), 0);
  expect(read).toBeGreaterThan(0);
  expect(read).toBeLessThanOrEqual(2 * headBytes);
});
