/** @file Spools leave nothing behind, whatever happens: full disks, systems that keep names of open files, forgetfulness. */
import * as fs from "node:fs";
import { tmpdir } from "node:os";
import { dirname } from "node:path";
import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import { zipSync } from "fflate";
import { afterEach, describe, expect, test, vi } from "vitest";
import { npyBytes } from "../../test/helpers/array-files.ts";
import { until } from "../../test/helpers/built-command.ts";
import { temporaryFolder } from "../../test/helpers/command.ts";
import { openDataset } from "./open.ts";
import { openSpool } from "./spool.ts";

vi.mock("node:fs", async (original) => {
  const real = await original<typeof fs>();
  return {
    ...real,
    statfsSync: vi.fn(real.statfsSync),
    unlinkSync: vi.fn(real.unlinkSync),
    writeSync: vi.fn(real.writeSync),
  };
});
afterEach(() => {
  vi.resetAllMocks(); // back to the real functions
  vi.restoreAllMocks();
});

const folder = temporaryFolder();
const spools = temporaryFolder();
const settings = { source: "images.npz", bytes: 6, folder: spools.path };

const array = { dtype: "uint8" as const, shape: [50, 100], data: new Uint8Array(5000).fill(3) };
const packed = folder.write("packed.npz", zipSync({ "x.npy": npyBytes(array) }, { level: 6 }));
const streaming = { streamAbove: 0, spoolFolder: spools.path };

/** Open files of this process in the folder of the spools; Linux alone tells. */
function openSpools(): string[] {
  return fs.readdirSync("/proc/self/fd").flatMap((name) => {
    try {
      const target = fs.readlinkSync(`/proc/self/fd/${name}`);
      return target.startsWith(spools.path) ? [target] : [];
    } catch {
      return []; // the one that listed the folder
    }
  });
}
const isLinux = process.platform === "linux";

function failing(code: string): never {
  throw Object.assign(new Error(code), { code });
}

describe("a spool", () => {
  test("is read as it was written and has no name meanwhile", () => {
    const spool = openSpool(settings);
    spool.write(Uint8Array.of(1, 2, 3));
    expect(spools.names()).toEqual([]);
    spool.write(Uint8Array.of(4, 5, 6));
    const file = spool.done();
    const bytes = new Uint8Array(4);
    file.read(bytes, 2);
    expect(bytes).toEqual(Uint8Array.of(3, 4, 5, 6));
    expect(() => file.read(bytes, 3)).toThrow(/images\.npz \(unpacked in .*\): ends at byte 6/);
    file.close();
  });

  test("keeps its name where the system insists, until it is closed or the process ends", () => {
    vi.mocked(fs.unlinkSync).mockImplementation(() => failing("EBUSY"));
    const atExit = vi.spyOn(process, "once");
    const [first, second] = [openSpool(settings), openSpool(settings)];
    expect(spools.names()).toHaveLength(2);
    first.discard();
    expect(spools.names()).toHaveLength(1);
    const [event, clear] = atExit.mock.calls[0]!;
    expect(event).toBe("exit");
    const file = second.done();
    (clear as () => void)();
    expect(spools.names()).toEqual([]);
    file.close();
  });

  test.skipIf(!isLinux)(
    "is not in memory where the usual folder is and nobody asked for it (skipped but on Linux)",
    () => {
      for (const name of ["TMPDIR", "TMP", "TEMP"]) vi.stubEnv(name, undefined);
      const usual = tmpdir();
      const place = fs.statfsSync(usual);
      const tmpfs = 0x01021994;
      vi.mocked(fs.statfsSync).mockImplementation((path) => ({
        ...place,
        type: path === usual ? tmpfs : 0xef53,
      }));
      const folderOf = () => {
        const file = openSpool({ ...settings, folder: undefined }).done();
        const target = fs.readlinkSync(`/proc/self/fd/${file.descriptor}`);
        file.close();
        return dirname(target);
      };
      expect(folderOf()).toBe("/var/tmp");
      vi.stubEnv("TMPDIR", usual);
      expect(folderOf()).toBe(usual);
      vi.unstubAllEnvs();
    },
  );

  test.skipIf(!isLinux)("goes when nobody holds the data any more (skipped but on Linux)", async () => {
    let dataset: unknown = await openDataset(packed, streaming);
    expect(openSpools()).toHaveLength(1);
    expect(dataset).toBeDefined();
    dataset = undefined;
    setFlagsFromString("--expose-gc");
    const collect = runInNewContext("gc") as () => void;
    await until(() => {
      collect();
      return openSpools().length === 0;
    });
  });
});

describe("complaints, with nothing left behind", () => {
  const opening = () => openDataset(packed, streaming);

  /** Names and open files that the work leaves behind in the folder. */
  async function leftBy(work: () => Promise<unknown>): Promise<readonly string[]> {
    const before = isLinux ? openSpools() : [];
    await work();
    const after = isLinux ? openSpools() : [];
    return [...spools.names(), ...after.filter((file) => !before.includes(file))];
  }

  async function refused(expected: object): Promise<void> {
    expect(await leftBy(() => expect(opening()).rejects.toMatchObject(expected))).toEqual([]);
  }

  test("a disk without room is seen before anything is written", async () => {
    const place = fs.statfsSync(spools.path);
    vi.mocked(fs.statfsSync).mockReturnValue({ ...place, blocks: 10, bavail: 4, bsize: 1000 });
    const writing = vi.mocked(fs.writeSync);
    writing.mockClear();
    const data = { folder: spools.path, neededBytes: 5000, roomBytes: 4000 };
    await refused({ code: "spool-full", data, exitCode: 1 });
    expect(writing).not.toHaveBeenCalled();
    expect(openSpool({ ...settings, bytes: 4000 }).discard()).toBeUndefined();
  });

  test("a disk that fills up on the way", async () => {
    vi.mocked(fs.writeSync).mockImplementation(() => failing("ENOSPC"));
    await refused({ code: "spool-full", message: expect.stringMatching(/TMPDIR/) as string });
    vi.mocked(fs.writeSync).mockImplementation(() => failing("EIO"));
    await refused({ code: "spool-unwritable" });
  });

  test("a system that does not tell how much is free is tried", async () => {
    vi.mocked(fs.statfsSync).mockImplementation(() => failing("ENOSYS"));
    expect((await opening()).size).toBe(50);
  });

  test("a folder that is not there", async () => {
    const spoolFolder = folder.file("absent");
    await expect(openDataset(packed, { ...streaming, spoolFolder })).rejects.toMatchObject({
      code: "spool-unwritable",
      data: { folder: spoolFolder, detail: "ENOENT" },
    });
  });

  test("an interruption in the middle", async () => {
    const interruption = new AbortController();
    const reason = new Error("received SIGINT");
    const onProgress = () => interruption.abort(reason);
    const data = new Uint8Array(2_000_000).map((_, k) => (k * k) % 251);
    const path = folder.write(
      "long.npz",
      zipSync({ "x.npy": npyBytes({ dtype: "uint8", shape: [2, 1_000_000], data }) }, { level: 6 }),
    );
    const { signal } = interruption;
    const work = () => expect(openDataset(path, { ...streaming, onProgress, signal })).rejects.toBe(reason);
    expect(await leftBy(work)).toEqual([]);
  });
});
