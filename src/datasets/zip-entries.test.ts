/** @file Zip files beyond 4 GiB, and zip files that no honest program writes. */
import { closeSync, openSync, writeSync } from "node:fs";
import { crc32 } from "node:zlib";
import { zipSync } from "fflate";
import { expect, test } from "vitest";
import { npyBytes, npyHeader } from "../../test/helpers/array-files.ts";
import { temporaryFolder } from "../../test/helpers/command.ts";
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

/** A record of the directory and the header in front of an entry, sizes and place in 64 bits as numpy writes them. */
function zip64Entry(name: string, sum: number, size: number, at: number): { local: Buffer; central: Buffer } {
  const text = Buffer.from(name);
  const wide = (...numbers: number[]) => {
    const field = Buffer.alloc(4 + 8 * numbers.length);
    field.writeUInt16LE(1, 0);
    field.writeUInt16LE(8 * numbers.length, 2);
    for (const [k, number] of numbers.entries()) field.writeBigUInt64LE(BigInt(number), 4 + 8 * k);
    return field;
  };
  const record = (signature: number, length: number, shift: number, field: Buffer) => {
    const head = Buffer.alloc(length);
    head.writeUInt32LE(signature, 0);
    head.writeUInt16LE(45, 4);
    head.writeUInt32LE(sum, 14 + shift);
    head.writeUInt32LE(0xffffffff, 18 + shift);
    head.writeUInt32LE(0xffffffff, 22 + shift);
    head.writeUInt16LE(text.length, 26 + shift);
    head.writeUInt16LE(field.length, 28 + shift);
    return [head, text, field] as const;
  };
  const local = Buffer.concat(record(0x04034b50, 30, 0, wide(size, size)));
  const [head, ...rest] = record(0x02014b50, 46, 2, wide(size, size, at));
  head.writeUInt32LE(0xffffffff, 42);
  return { local, central: Buffer.concat([head, ...rest]) };
}

/** The end of a zip file whose directory lies beyond 32 bits. */
function zip64End(entries: number, size: number, start: number): Buffer {
  const end = Buffer.alloc(56 + 20 + 22);
  end.writeUInt32LE(0x06064b50, 0);
  end.writeBigUInt64LE(44n, 4);
  end.writeBigUInt64LE(BigInt(entries), 24);
  end.writeBigUInt64LE(BigInt(entries), 32);
  end.writeBigUInt64LE(BigInt(size), 40);
  end.writeBigUInt64LE(BigInt(start), 48);
  end.writeUInt32LE(0x07064b50, 56);
  end.writeBigUInt64LE(BigInt(start + size), 64);
  end.writeUInt32LE(1, 72);
  end.writeUInt32LE(0x06054b50, 76);
  end.writeUInt16LE(0xffff, 84);
  end.writeUInt16LE(0xffff, 86);
  end.writeUInt32LE(0xffffffff, 88);
  end.writeUInt32LE(0xffffffff, 92);
  return end;
}

test("arrays beyond 4 GiB are read in place, and those behind them", async () => {
  const [rows, each] = [4200, 2 ** 20];
  const header = npyHeader(`{'descr': '|u1', 'fortran_order': False, 'shape': (${rows}, ${each}), }`);
  const last = new Uint8Array(each).map((_, k) => k % 250);
  const zeros = new Uint8Array(each);
  let sum = crc32(header);
  for (let row = 0; row < rows - 1; row++) sum = crc32(zeros, sum);
  sum = crc32(last, sum);
  const large = zip64Entry("x.npy", sum, header.length + rows * each, 0);
  const behind = large.local.length + header.length + rows * each;
  const small = zip64Entry("y.npy", crc32(labels), labels.length, behind);
  const directory = Buffer.concat([large.central, small.central]);
  const directoryAt = behind + small.local.length + labels.length;
  const path = folder.file("beyond.npz");
  const file = openSync(path, "w"); // sparse: what is not written takes no room
  writeSync(file, Buffer.concat([large.local, header]), 0, undefined, 0);
  writeSync(file, last, 0, undefined, behind - each);
  const end = zip64End(2, directory.length, directoryAt);
  writeSync(file, Buffer.concat([small.local, labels, directory, end]), 0, undefined, behind);
  closeSync(file);
  const arrays = await openArrayFile(path, {});
  expect(arrays.get("x")!.rows(rows - 1, rows)).toEqual(last);
  expect(arrays.get("x")!.rows(3, 4)).toEqual(zeros);
  expect(loaded(arrays.get("y")!).data).toEqual(new Uint8Array(30));
});
