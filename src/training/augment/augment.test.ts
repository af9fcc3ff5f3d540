/** @file Augmentation against plain definitions, and its independence of batches. */
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { isProblem } from "../../base/problem.ts";
import { crop, cutout, flip, type Image, jitter } from "./image.ts";
import { type Augmentation, augmentBatch, blackAfter, checkAugmentable, parseAugmentation } from "./index.ts";

type Size = readonly [channels: number, height: number, width: number];

/** Pixels 1, 2, 3... in an image that starts at the third element of a longer array. */
function imageOf([channels, height, width]: Size): Image {
  const size = channels * height * width;
  const data = Float32Array.from({ length: size + 5 }, (_, k) => k - 1);
  return { data, start: 2, channels, height, width, scratch: new Float32Array(height * width) };
}

/** What is at a place of the image before anything happened to it. */
const pixel = ([, height, width]: Size, channel: number, y: number, x: number): number =>
  1 + (channel * height + y) * width + x;

/** Compares every pixel with a definition, and the elements around the image with what they were. */
function expectPixels(image: Image, size: Size, expected: (c: number, y: number, x: number) => number): void {
  const wanted = imageOf(size).data;
  let k = image.start;
  for (let c = 0; c < size[0]; c++)
    for (let y = 0; y < size[1]; y++) for (let x = 0; x < size[2]; x++) wanted[k++] = expected(c, y, x);
  expect(image.data).toEqual(wanted);
}

const sizes = fc.tuple(
  fc.integer({ min: 1, max: 3 }),
  fc.integer({ min: 1, max: 6 }),
  fc.integer({ min: 1, max: 6 }),
);
const black = Float32Array.of(-1, -2, -3);

describe("one image", () => {
  test("crop with black takes pixels from further on, or black", () => {
    fc.assert(
      fc.property(
        sizes,
        fc.integer({ min: -7, max: 7 }),
        fc.integer({ min: -7, max: 7 }),
        (size, down, right) => {
          const image = imageOf(size);
          crop(image, down, right, black);
          expectPixels(image, size, (c, y, x) => {
            const inside = y + down >= 0 && y + down < size[1] && x + right >= 0 && x + right < size[2];
            return inside ? pixel(size, c, y + down, x + right) : black[c]!;
          });
        },
      ),
    );
  });

  test("crop with reflection mirrors without repeating the outermost pixels", () => {
    const shifted = sizes
      .map((size): Size => [size[0], size[1] + 1, size[2] + 1])
      .chain((size) => {
        const reach = Math.min(size[1], size[2]) - 1;
        const shift = fc.integer({ min: -reach, max: reach });
        return fc.tuple(fc.constant(size), shift, shift);
      });
    const mirror = (at: number, size: number): number => size - 1 - Math.abs(size - 1 - Math.abs(at));
    fc.assert(
      fc.property(shifted, ([size, down, right]) => {
        const image = imageOf(size);
        crop(image, down, right, undefined);
        expectPixels(image, size, (c, y, x) =>
          pixel(size, c, mirror(y + down, size[1]), mirror(x + right, size[2])),
        );
      }),
    );
  });

  test("flip turns left and right around", () => {
    fc.assert(
      fc.property(sizes, (size) => {
        const image = imageOf(size);
        flip(image);
        expectPixels(image, size, (c, y, x) => pixel(size, c, y, size[2] - 1 - x));
      }),
    );
  });

  test("cutout clears a square as far as it lies in the image", () => {
    const place = fc.integer({ min: -4, max: 8 });
    fc.assert(
      fc.property(sizes, place, place, fc.integer({ min: 1, max: 5 }), (size, top, left, hole) => {
        const image = imageOf(size);
        cutout(image, top, left, hole);
        expectPixels(image, size, (c, y, x) =>
          y >= top && y < top + hole && x >= left && x < left + hole ? 0 : pixel(size, c, y, x),
        );
      }),
    );
  });

  test("jitter multiplies distances from black, then from the mean", () => {
    const image = imageOf([2, 1, 2]); // 1, 2 over black −1; 3, 4 over black −2
    jitter(image, 2, 1, black);
    expect([...image.data.subarray(2, 6)]).toEqual([3, 5, 8, 10]);
    jitter(image, 1, 0.5, black);
    expect([...image.data.subarray(2, 6)]).toEqual([3.5, 4.5, 8.5, 9.5]);
  });
});

const every: readonly Augmentation[] = parseAugmentation(
  "crop:2:reflect,shift:1,flip,cutout:2,jitter:0.3:0.2",
);
const options = { seed: 5, epoch: 2, black: black.subarray(0, 2) };
const shapeOf = (count: number): [number, number, number, number] => [count, 2, 5, 4];
const batchOf = (examples: readonly number[]): Float32Array =>
  Float32Array.from(
    { length: examples.length * 40 },
    (_, k) => examples[Math.floor(k / 40)]! + (k % 40) / 40,
  );

describe("batches", () => {
  test("an example varies alike in whatever batch it is", () => {
    fc.assert(
      fc.property(fc.array(fc.nat(1000), { minLength: 1, maxLength: 8 }), (examples) => {
        const together = batchOf(examples);
        augmentBatch(together, shapeOf(examples.length), examples, every, options);
        const apart = examples.flatMap((example) => {
          const alone = batchOf([example]);
          augmentBatch(alone, shapeOf(1), [example], every, options);
          return [...alone];
        });
        expect([...together]).toEqual(apart);
      }),
    );
  });

  test("seed, epoch and example each vary the outcome", () => {
    const outcome = (seed: number, epoch: number, example: number): string => {
      const batch = batchOf([0]);
      augmentBatch(batch, shapeOf(1), [example], every, { ...options, seed, epoch });
      return batch.join();
    };
    const all = [outcome(1, 1, 1), outcome(2, 1, 1), outcome(1, 2, 1), outcome(1, 1, 2)];
    expect(new Set(all).size).toBe(4);
    expect(outcome(1, 1, 1)).toBe(all[0]);
  });

  test("crops reach every offset about equally often, and every second image is flipped", () => {
    const offsets = new Map<number, number>();
    let flipped = 0;
    const count = 4500;
    for (let example = 0; example < count; example++) {
      const image = Float32Array.of(0, 0, 0, 0, 1, 0, 0, 0, 0); // the one moves to where the shift says
      augmentBatch(image, [1, 1, 3, 3], [example], parseAugmentation("shift:1"), options);
      offsets.set(image.indexOf(1), (offsets.get(image.indexOf(1)) ?? 0) + 1);
      const pair = Float32Array.of(1, 2);
      augmentBatch(pair, [1, 1, 1, 2], [example], [{ kind: "flip" }], options);
      flipped += pair[0]! - 1;
    }
    expect([...offsets.keys()].sort()).toEqual([0, 1, 2, 3, 4, 5, 6, 7, 8]);
    for (const times of offsets.values())
      expect(Math.abs(times - count / 9)).toBeLessThan(5 * Math.sqrt(count / 9));
    expect(Math.abs(flipped - count / 2)).toBeLessThan(2.5 * Math.sqrt(count));
  });

  test("black is what preprocessing makes of a stored 0", () => {
    const affine = { factor: Float64Array.of(1), shift: Float64Array.of(-0.5, -0.25) };
    expect(blackAfter(affine, 2)).toEqual(Float32Array.of(-0.5, -0.25));
    expect(blackAfter({ ...affine, shift: Float64Array.of(-2) }, 3)).toEqual(Float32Array.of(-2, -2, -2));
    expect(blackAfter(undefined, 2)).toEqual(new Float32Array(2));
  });
});

describe("parseAugmentation", () => {
  test("reads lists in their order", () => {
    expect(parseAugmentation("crop:4, flip,crop:2:reflect,shift:1,cutout:8,jitter:0.2,jitter:.1:0")).toEqual([
      { kind: "crop", padding: 4, border: "fill" },
      { kind: "flip" },
      { kind: "crop", padding: 2, border: "reflect" },
      { kind: "crop", padding: 1, border: "fill" },
      { kind: "cutout", size: 8 },
      { kind: "jitter", brightness: 0.2, contrast: 0.2 },
      { kind: "jitter", brightness: 0.1, contrast: 0 },
    ]);
  });

  test.each([
    "",
    "flip,",
    "flip:1",
    "mixup",
    "crop",
    "crop:",
    "crop:0",
    "crop:1.5",
    "crop:-1",
    "crop:4:mirror",
    "crop:4:reflect:1",
    "shift:1:reflect",
    "cutout:x",
    "cutout:2:2",
    "jitter",
    "jitter:2",
    "jitter:0.1:x",
    "jitter:0.1:0.1:0.1",
  ])('refuses "%s"', (text) => {
    try {
      parseAugmentation(text);
      expect.unreachable();
    } catch (error) {
      expect(isProblem(error, "invalid-option") && error.data.got).toBe(text);
    }
  });
});

describe("checkAugmentable", () => {
  const check =
    (text: string, shape: number[], dtype: "float32" | "int64" = "float32") =>
    (): void =>
      checkAugmentable(parseAugmentation(text), "x", { dtype, shape });

  test("accepts images", () => {
    check("crop:4,flip,cutout:8,jitter:0.1", [3, 32, 32])();
    checkAugmentable([], "x", { dtype: "int64", shape: [7] });
  });

  test.each([
    ["rows", check("flip", [784]), "[N, 784]"],
    ["volumes", check("flip", [3, 4, 5, 6]), "[N, 3, 4, 5, 6]"],
    ["integers", check("flip", [1, 8, 8], "int64"), "int64"],
    ["shifts out of the image", check("shift:8", [1, 8, 9]), "8 by 9"],
    ["holes as large as the image", check("cutout:18", [1, 8, 9]), "8 by 9"],
  ])("refuses %s", (_, run, words) => {
    expect(run).toThrow(words);
    expect(run).toThrow('Input "x" cannot be augmented');
  });
});
