/** @file Recognises files that are something else, so that the message can say what was passed by mistake. */

const formats: readonly (readonly [offset: number, magic: string, detail: string])[] = [
  [0, "PK\x03\x04", "it is a zip archive, perhaps a PyTorch checkpoint"],
  [0, "\x89PNG", "it is a PNG image"],
  [0, "\x89HDF", "it is an HDF5 file, perhaps a Keras model"],
  [4, "TFL3", "it is a TensorFlow Lite model"],
  [0, "\x1f\x8b", "it is gzip-compressed; unpack it first"],
  [0, "\x80\x02", "it is a Python pickle, perhaps a PyTorch checkpoint"],
  [0, "version https://git-lfs", "it is a Git LFS pointer; run git lfs pull"],
  [0, "<", "it is a text file"],
  [0, "{", "it is a text file"],
];

/** What a file is that cannot be an ONNX model; undefined when it may be one. */
export function otherFormat(bytes: Uint8Array): string | undefined {
  if (bytes.length === 0) return "it is empty";
  const start = Buffer.from(bytes.buffer, bytes.byteOffset, Math.min(bytes.length, 64)).toString("latin1");
  return formats.find(([offset, magic]) => start.startsWith(magic, offset))?.[2];
}
