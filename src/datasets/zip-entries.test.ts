/** @file Zip files beyond 4 GiB, and zip files that no honest program writes. */
import { statSync } from "node:fs";
import { zipSync } from "fflate";
import { expect, test } from "vitest";
import { npyBytes, npyHeader } from "../../test/helpers/array-files.ts";
import { temporaryFolder } from "../../test/helpers/command.ts";
import { writeNpz, zeros } from "../../test/helpers/write-npz.ts";
import { openArrayFile } from "./array-file.ts";
import { loaded } from "./stored-array.ts";

const folder = temporaryFolder();
const pixels = npyBytes({ dtype: "uint8", shape: [30, 10], data: new Uint8Array(300).fill(7) });
const labels = npyBytes({ dtype: "uint8", shape: [30], data: new Uint8Array(30) });

/** Offsets of the records of a zip file's directory, and of its end. */
function records(zip: Buffer): { entries: number[]; end: number } {
  const end = zip.lastIndexOf(Buffer.of(0x50, 0x4b, 5, 6));
  const entries: number[] = [];
  for (let at = zip.readUInt32LE(end + 16); at < end; ) {
    entries.push(at);
    at += 46 + zip.readUInt16LE(at + 28) + zip.readUInt16LE(at + 30) + zip.readUInt16LE(at + 32);
  }
  return { entries, end };
}

type Bend = (zip: Buffer, entry: number, end: number) => void;

const bends: readonly (readonly [string, 0 | 6, Bend])[] = [
  ["a directory outside the file", 0, (zip, _, end) => zip.writeUInt32LE(0x7fffffff, end + 16)],
  ["more entries than there are", 0, (zip, _, end) => zip.writeUInt16LE(60_000, end + 10)],
  ["an entry that goes on behind the end", 6, (zip, entry) => zip.writeUInt32LE(0x7fffffff, entry + 20)],
  ["an entry that begins behind the end", 0, (zip, entry) => zip.writeUInt32LE(0x7fffffff, entry + 42)],
  ["more than deflate can pack", 6, (zip, entry) => zip.writeUInt32LE(0x7fffffff, entry + 24)],
  ["other sizes packed and unpacked, stored", 0, (zip, entry) => zip.writeUInt32LE(100, entry + 24)],
  ["a size too small", 6, (zip, entry) => zip.writeUInt32LE(50, entry + 24)],
  ["a size too large", 6, (zip, entry) => zip.writeUInt32LE(500, entry + 24)],
  ["an encrypted entry", 0, (zip, entry) => zip.writeUInt16LE(1, entry + 8)],
  ["a method of its own", 6, (zip, entry) => zip.writeUInt16LE(12, entry + 10)],
  ["another checksum, stored", 0, (zip, entry) => zip.writeUInt32LE(1, entry + 16)],
  ["another checksum, deflated", 6, (zip, entry) => zip.writeUInt32LE(1, entry + 16)],
  ["deflated bytes said to be stored", 6, (zip, entry) => zip.writeUInt16LE(0, entry + 10)],
  ["stored bytes said to be deflated", 0, (zip, entry) => zip.writeUInt16LE(8, entry + 10)],
  ["64-bit sizes that are not there", 0, (zip, entry) => zip.writeUInt32LE(0xffffffff, entry + 24)],
];

test.each(bends)("%s: refused, in memory and on the disk", async (name, level, bend) => {
  const zip = Buffer.from(zipSync({ "x.npy": pixels, "labels.npy": labels }, { level }));
  const { entries, end } = records(zip);
  bend(zip, entries[0]!, end);
  const path = folder.write(`${name}.npz`, zip);
  for (const streamAbove of [undefined, 0])
    await expect(openArrayFile(path, { streamAbove })).rejects.toMatchObject({ code: "data-file-corrupt" });
});

test("entries that share bytes are refused, however often a bomb names them", async () => {
  const zip = Buffer.from(zipSync({ "x.npy": pixels, "y.npy": pixels }, { level: 6 }));
  const { entries } = records(zip);
  zip.writeUInt32LE(zip.readUInt32LE(entries[0]! + 42), entries[1]! + 42);
  await expect(openArrayFile(folder.write("shared.npz", zip), {})).rejects.toThrow(
    'entry "y.npy" lies on bytes of another',
  );
});

test("an array whose header promises more than its entry has takes no memory", async () => {
  const header = npyHeader("{'descr': '|u1', 'fortran_order': False, 'shape': (900000000000,), }");
  for (const level of [0, 6] as const) {
    const path = folder.write("large.npz", zipSync({ "x.npy": header }, { level }));
    for (const streamAbove of [undefined, 0])
      await expect(openArrayFile(path, { streamAbove })).rejects.toMatchObject({ code: "data-file-corrupt" });
  }
});

test("names that are no paths are names of inputs all the same", async () => {
  const path = folder.write("names.npz", zipSync({ "../x/é.npy": pixels, "/y.npy": labels, notes: pixels }));
  expect([...(await openArrayFile(path, {})).keys()]).toEqual(["../x/é", "/y"]);
});

test("arrays beyond 4 GiB are read in place, and those behind them", async () => {
  const rows = 4200;
  const header = npyHeader(`{'descr': '|u1', 'fortran_order': False, 'shape': (${rows}, ${zeros.length}), }`);
  const last = new Uint8Array(zeros.length).map((_, k) => k % 250);
  const path = folder.file("beyond.npz");
  const pieces = [header, ...new Array<Uint8Array>(rows - 1).fill(zeros), last];
  await writeNpz(path, [
    { name: "x", pieces, isPacked: false },
    { name: "y", pieces: [labels], isPacked: true },
  ]);
  expect(statSync(path).size).toBeGreaterThan(2 ** 32);
  const arrays = await openArrayFile(path, {});
  expect(arrays.get("x")!.rows(rows - 1, rows)).toEqual(last);
  expect(arrays.get("x")!.rows(3, 4)).toEqual(zeros);
  expect(loaded(arrays.get("y")!).data).toEqual(new Uint8Array(30));
});
