/** @file Writes a large file piece by piece. */
import { closeSync, openSync, writeSync } from "node:fs";

/** Small pieces are joined before they are written. */
const joinedBytes = 2 ** 22;

export async function writePieces(path: string, pieces: Iterable<Uint8Array>): Promise<void> {
  const file = openSync(path, "w");
  let waiting: Uint8Array[] = [];
  let length = 0;
  const write = () => {
    writeSync(file, Buffer.concat(waiting));
    waiting = [];
    length = 0;
  };
  for (const piece of pieces) {
    waiting.push(piece);
    length += piece.length;
    if (length >= joinedBytes) write();
  }
  write();
  closeSync(file);
}
