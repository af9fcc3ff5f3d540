/** @file Writes .npz files of any size piece by piece, with sizes and places in 64 bits, as numpy does where they are large. */
import { closeSync, ftruncateSync, openSync, writeSync } from "node:fs";
import { Readable } from "node:stream";
import { crc32, createDeflateRaw } from "node:zlib";

/** A piece that takes no room on the disk where it is not packed. */
export const zeros = new Uint8Array(2 ** 20);

export interface NpzArray {
  readonly name: string;
  /** The .npy file. */
  readonly pieces: Iterable<Uint8Array>;
  readonly isPacked: boolean;
}

interface Written {
  readonly name: Buffer;
  readonly isPacked: boolean;
  readonly sum: number;
  readonly size: number;
  readonly packedSize: number;
  readonly at: number;
}

/** Writes the arrays one after the other, then the directory. */
export async function writeNpz(path: string, arrays: readonly NpzArray[]): Promise<void> {
  const file = openSync(path, "w");
  const written: Written[] = [];
  let at = 0;
  for (const array of arrays) {
    const entry = await writeEntry(file, array, at);
    written.push(entry);
    at += localHeader(entry).length + entry.packedSize;
  }
  const directory = Buffer.concat(written.map(directoryRecord));
  ftruncateSync(file, at);
  writeSync(
    file,
    Buffer.concat([directory, directoryEnd(written.length, directory.length, at)]),
    0,
    null,
    at,
  );
  closeSync(file);
}

async function writeEntry(file: number, { name, pieces, isPacked }: NpzArray, at: number): Promise<Written> {
  const seen = { sum: 0, size: 0 };
  function* watched() {
    for (const piece of pieces) {
      seen.sum = crc32(piece, seen.sum);
      seen.size += piece.length;
      yield piece;
    }
  }
  const entry = { name: Buffer.from(`${name}.npy`), isPacked, sum: 0, size: 0, packedSize: 0, at };
  const start = at + localHeader(entry).length;
  let packedSize = 0;
  const source = Readable.from(watched());
  for await (const piece of isPacked ? source.pipe(createDeflateRaw({ level: 1 })) : source) {
    if (piece !== zeros) writeSync(file, piece as Uint8Array, 0, null, start + packedSize);
    packedSize += (piece as Uint8Array).length;
  }
  const whole = { ...entry, ...seen, packedSize };
  writeSync(file, localHeader(whole), 0, null, at);
  return whole;
}

function localHeader(entry: Written): Buffer {
  return Buffer.concat(recordOf(entry, 0x04034b50, 30, 0, [entry.size, entry.packedSize]));
}

function directoryRecord(entry: Written): Buffer {
  const [head, ...rest] = recordOf(entry, 0x02014b50, 46, 2, [entry.size, entry.packedSize, entry.at]);
  head.writeUInt32LE(0xffffffff, 42);
  return Buffer.concat([head, ...rest]);
}

/** @param shift How much later the fields begin in a record of the directory. */
function recordOf(
  { name, isPacked, sum }: Written,
  signature: number,
  length: number,
  shift: number,
  numbers: readonly number[],
): [head: Buffer, name: Buffer, field: Buffer] {
  const field = Buffer.alloc(4 + 8 * numbers.length);
  field.writeUInt16LE(1, 0);
  field.writeUInt16LE(8 * numbers.length, 2);
  for (const [k, number] of numbers.entries()) field.writeBigUInt64LE(BigInt(number), 4 + 8 * k);
  const head = Buffer.alloc(length);
  head.writeUInt32LE(signature, 0);
  head.writeUInt16LE(45, 4 + shift);
  head.writeUInt16LE(isPacked ? 8 : 0, 8 + shift);
  head.writeUInt32LE(sum, 14 + shift);
  head.writeUInt32LE(0xffffffff, 18 + shift);
  head.writeUInt32LE(0xffffffff, 22 + shift);
  head.writeUInt16LE(name.length, 26 + shift);
  head.writeUInt16LE(field.length, 28 + shift);
  return [head, name, field];
}

function directoryEnd(entries: number, size: number, start: number): Buffer {
  const end = Buffer.alloc(56 + 20 + 22);
  end.writeUInt32LE(0x06064b50, 0);
  end.writeBigUInt64LE(44n, 4);
  for (const at of [24, 32]) end.writeBigUInt64LE(BigInt(entries), at);
  end.writeBigUInt64LE(BigInt(size), 40);
  end.writeBigUInt64LE(BigInt(start), 48);
  end.writeUInt32LE(0x07064b50, 56);
  end.writeBigUInt64LE(BigInt(start + size), 64);
  end.writeUInt32LE(1, 72);
  end.writeUInt32LE(0x06054b50, 76);
  for (const at of [84, 86]) end.writeUInt16LE(0xffff, at);
  for (const at of [88, 92]) end.writeUInt32LE(0xffffffff, at);
  return end;
}
