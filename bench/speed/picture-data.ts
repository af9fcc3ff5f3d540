/** @file The same pictures in every format a data set can have, in a temporary folder. */
import { mkdir, mkdtemp, rm, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import sharp from "sharp";
import { encodeModel } from "../../src/onnx/write.ts";
import { npyBytes, npyHeader } from "../../test/helpers/array-files.ts";
import { graphBuilder } from "../../test/helpers/build.ts";
import { writeNpz } from "../../test/helpers/write-npz.ts";
import { writePieces } from "./write-pieces.ts";

export const side = 224;
const different = 32;
const pixels = 3 * side * side;

/** Smooth waves and a little noise: JPEG packs them well, deflate hardly, as with photographs. */
function picture(k: number): Uint8Array {
  const bytes = new Uint8Array(pixels);
  let state = k + 1;
  for (let at = 0; at < pixels; at++) {
    const [x, y] = [Math.floor(at / 3) % side, Math.floor(at / 3 / side)];
    state = (Math.imul(state, 1103515245) + 12345) >>> 0;
    bytes[at] = 120 + 60 * Math.sin(x / (5 + k)) + 50 * Math.cos(y / (4 + k)) + (state >>> 28);
  }
  return bytes;
}

export interface PictureData {
  readonly model: string;
  readonly labels: string;
  /** Path by format. */
  readonly formats: Readonly<Record<string, string>>;
}

/** Writes `count` pictures, hands them over, and removes them afterwards. */
export async function withPictures<T>(count: number, use: (data: PictureData) => Promise<T>): Promise<T> {
  const folder = await mkdtemp(join(tmpdir(), "shapley-pruner-bench-"));
  try {
    return await use(await written(folder, count));
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

async function written(folder: string, count: number): Promise<PictureData> {
  const file = (name: string) => join(folder, name);
  const [model, labels] = [file("net.onnx"), file("labels.npy")];
  await writeFile(model, encodeModel(network()));
  const classes = Uint8Array.from({ length: count }, (_, k) => Math.floor((2 * k) / count));
  await writeFile(labels, npyBytes({ dtype: "uint8", shape: [count], data: classes }));
  const pictures = Array.from({ length: different }, (_, k) => picture(k));
  const shape = `(${count}, ${side}, ${side}, 3)`;
  function* npy(): Generator<Uint8Array> {
    yield npyHeader(`{'descr': '|u1', 'fortran_order': False, 'shape': ${shape}, }`);
    for (let k = 0; k < count; k++) yield pictures[k % different]!;
  }
  const formats = {
    ".npy": file("x.npy"),
    "stored .npz": file("stored.npz"),
    "deflated .npz": file("deflated.npz"),
    ".npy in Fortran order": file("fortran.npy"),
    "folder of images": file("images"),
  };
  await writePieces(formats[".npy"], npy());
  for (const [format, isPacked] of [
    ["stored .npz", false],
    ["deflated .npz", true],
  ] as const)
    await writeNpz(formats[format], [{ name: "x", pieces: npy(), isPacked }]);
  await writePieces(formats[".npy in Fortran order"], columns(pictures, count, shape));
  await writeImages(formats["folder of images"], pictures, count, classes);
  return { model, labels, formats };
}

/** Position by position: the column, the row and the channel of a picture last. */
function* columns(pictures: readonly Uint8Array[], count: number, shape: string): Generator<Uint8Array> {
  yield npyHeader(`{'descr': '|u1', 'fortran_order': True, 'shape': ${shape}, }`);
  for (let channel = 0; channel < 3; channel++)
    for (let x = 0; x < side; x++)
      for (let y = 0; y < side; y++) {
        const at = 3 * (y * side + x) + channel;
        const column = new Uint8Array(count);
        column.set(pictures.map((bytes) => bytes[at]!));
        for (let done = different; done < count; done *= 2)
          column.copyWithin(done, 0, Math.min(done, count - done));
        yield column;
      }
}

/** Links to as many files as there are different pictures. */
async function writeImages(
  folder: string,
  pictures: readonly Uint8Array[],
  count: number,
  classes: Uint8Array,
): Promise<void> {
  for (const name of ["0", "1", ".pictures"]) await mkdir(join(folder, name), { recursive: true });
  const raw = { width: side, height: side, channels: 3 } as const;
  const path = (k: number) => join(folder, ".pictures", `${k}.jpg`);
  for (const [k, bytes] of pictures.entries())
    await sharp(bytes, { raw }).jpeg({ quality: 90 }).toFile(path(k));
  for (let k = 0; k < count; k++)
    await symlink(path(k % different), join(folder, String(classes[k]), `${String(k).padStart(6, "0")}.jpg`));
}

/** Three convolutions that step over their input, so that data and not arithmetic take the time. */
function network() {
  const g = graphBuilder();
  let flow = g.input("x", ["N", 3, side, side]);
  for (const [from, to] of [
    [3, 16],
    [16, 32],
    [32, 32],
  ] as const) {
    const weight = g.weight([to, from, 4, 4]);
    flow = g.node("Relu", [g.node("Conv", [flow, weight, g.weight([to])], { strides: [4, 4] })]);
  }
  const pooled = g.node("Flatten", [g.node("GlobalAveragePool", [flow])]);
  g.output(g.node("Gemm", [pooled, g.weight([2, 32]), g.weight([2])], { transB: 1 }), ["N", 2]);
  return g.build();
}
