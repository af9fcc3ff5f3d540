/** @file The store: what a kill leaves, what is kept apart, and what is refused. */
import { spawn } from "node:child_process";
import { existsSync, readFileSync, truncateSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { setImmediate } from "node:timers/promises";
import { describe, expect, test } from "vitest";
import { temporaryFolder } from "../../test/helpers/command.ts";
import { slowChunks, slowGame, slowIdentity } from "../../test/helpers/slow-game.ts";
import { below, stream } from "../math/random.ts";
import { fillTable, openStore, type TableIdentity } from "./index.ts";

const folder = temporaryFolder();
const noPause = () => Promise.resolve();
const helper = join(import.meta.dirname, "../../test/helpers/fill-store.ts");

/**
 * Fills a store in a process of its own and kills it after so many lines (one at the start, one for each chunk), or as
 * soon as there is a file; "never" lets it end.
 */
async function fillAndKill(
  path: string,
  pauseMs: number,
  when: number | "at the file" | "never",
): Promise<string> {
  const child = spawn(process.execPath, ["--import", "tsx", helper, path, String(pauseMs)], {
    stdio: ["ignore", "pipe", "inherit"],
  });
  let out = "";
  child.stdout.on("data", (text: Buffer) => {
    out += text.toString();
    if (typeof when === "number" && out.split("\n").length > when) child.kill("SIGKILL");
  });
  const ended = new Promise<void>((resolve) => child.on("close", () => resolve()));
  if (when === "at the file") {
    while (!existsSync(join(path, "data.mdb"))) await setImmediate();
    child.kill("SIGKILL");
  }
  await ended;
  return out;
}

/** Continues a store here; tells how many chunks were still to do. */
async function finish(path: string): Promise<{ readonly values: Float64Array; readonly calls: number }> {
  const store = await openStore(path);
  let calls = 0;
  try {
    const { values } = await fillTable(
      slowGame(noPause, () => calls++),
      { store: store.table(slowIdentity) },
    );
    return { values, calls };
  } finally {
    await store.close();
  }
}

describe("a run killed at any moment", () => {
  test("goes on where it was, to the same bytes as one that was not", async () => {
    const whole = await fillTable(slowGame(noPause));
    const random = stream(7, 0);
    let resumed = 0;
    for (let round = 0; round < 4; round++) {
      const path = folder.file(`killed-${round}`);
      for (let kill = 0; kill < 1 + (round % 2); kill++) await fillAndKill(path, 15, 1 + below(40, random));
      const { values, calls } = await finish(path);
      expect(values).toEqual(whole.values);
      expect(calls).toBeLessThanOrEqual(slowChunks);
      if (calls > 0 && calls < slowChunks) resumed++;
      expect((await finish(path)).calls).toBe(0);
    }
    expect(resumed).toBeGreaterThan(0); // some of the kills fell between two chunks
  });

  test("a chunk that is reported written is there after the kill", async () => {
    const path = folder.file("written");
    expect(await fillAndKill(path, 0, "never")).toContain("done");
    expect((await finish(path)).calls).toBe(0);
  });

  test("in the first moment of a store leaves one that can be used", async () => {
    for (let round = 0; round < 2; round++) {
      const path = folder.file(`first-moment-${round}`);
      await fillAndKill(path, 4, "at the file");
      expect((await finish(path)).values).toEqual((await fillTable(slowGame(noPause))).values);
    }
  });

  test("a store that is nothing but an empty file is begun anew", async () => {
    const path = folder.file("empty");
    await (await openStore(path)).close();
    truncateSync(join(path, "data.mdb"), 0);
    expect((await finish(path)).calls).toBe(slowChunks);
  });
});

describe("tables of other games", () => {
  test("are kept apart by everything that decides their numbers", async () => {
    const identity: TableIdentity = { model: "a", data: "b", examples: 10, payoff: "accuracy", group: "c1" };
    const store = await openStore(folder.file("apart"));
    await store.table(identity).write(0, Float64Array.of(1, Number.MIN_VALUE, -0));
    for (const other of [
      { model: "x" },
      { data: "x" },
      { examples: 11 },
      { payoff: "margin" },
      { group: "c3" },
    ])
      expect(store.table({ ...identity, ...other }).read(0)).toBeUndefined();
    const { model, ...others } = identity;
    expect(store.table({ ...others, model: model! }).read(0)).toEqual(
      Float64Array.of(1, Number.MIN_VALUE, -0),
    );
    expect(store.table(identity).read(1)).toBeUndefined();
    await store.close();
  });
});

describe("a damaged store", () => {
  const damage: readonly [string, (file: string, bytes: Buffer) => void][] = [
    ["cut off in the middle", (file, bytes) => truncateSync(file, Math.floor(bytes.length / 8192) * 4096)],
    ["some other file", (file) => writeFileSync(file, "these are not the pages you are looking for")],
    [
      "a bit turned over in the values",
      (file, bytes) => {
        const at = bytes.indexOf(Buffer.from(Float64Array.of(Math.E).buffer));
        expect(at).toBeGreaterThan(0);
        bytes[at] = bytes[at]! ^ 1;
        writeFileSync(file, bytes);
      },
    ],
    [
      "a page of noise",
      (file, bytes) => {
        bytes.fill(0xa7, 2 * 4096, 5 * 4096);
        writeFileSync(file, bytes);
      },
    ],
  ];

  test.each(damage)("%s: refused with the next step, and the process lives", async (name, spoil) => {
    const path = folder.file(name.replaceAll(" ", "-"));
    const store = await openStore(path);
    for (let chunk = 0; chunk < 20; chunk++)
      await store.table({ n: 1 }).write(chunk, new Float64Array(512).fill(Math.E + (chunk % 2)));
    await store.close();
    const file = join(path, "data.mdb");
    spoil(file, readFileSync(file));
    const problem = await openStore(path).then(
      async (opened) => {
        await opened.close();
        return undefined;
      },
      (error: unknown) => error,
    );
    expect(problem).toMatchObject({ code: "store-corrupt", data: { path } });
    expect(String(problem)).toMatch(/Delete the folder and run again/);
  });

  test("a place that cannot hold one", async () => {
    await expect(openStore(folder.file("missing/store"))).rejects.toMatchObject({ code: "store-unusable" });
    await expect(openStore(folder.write("a-file", "text"))).rejects.toMatchObject({ code: "store-unusable" });
  });
});
