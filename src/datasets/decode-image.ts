/** @file Decodes an image file to bytes with sharp, which is loaded with the first folder of images. */
import { PrunerError } from "../base/problem.ts";

export interface ImageOptions {
  /** Resizes every image to this size in pixels. Left out: all must have the same size already. */
  readonly imageSize?: { readonly width: number; readonly height: number } | undefined;
  /** "cover" (default) keeps proportions and cuts what sticks out around the centre; "fill" stretches. */
  readonly imageFit?: "cover" | "fill" | undefined;
  /** 3 (default) for colour, 1 for grey. */
  readonly imageChannels?: 1 | 3 | undefined;
}

/** @throws {PrunerError} `invalid-option`. */
export function checkImageSize(size: ImageOptions["imageSize"]): void {
  if (size === undefined || [size.width, size.height].every((side) => Number.isInteger(side) && side >= 1))
    return;
  const got = `${size.width}x${size.height}`;
  throw new PrunerError("invalid-option", {
    option: "image-size",
    got,
    expected: "two whole numbers from 1",
  });
}

export type Sharp = typeof import("sharp")["default"];

/** @throws {PrunerError} `image-library-missing`. */
export async function loadSharp(path: string): Promise<Sharp> {
  try {
    return (await import("sharp")).default;
  } catch (cause) {
    throw new PrunerError("image-library-missing", { path }, { cause });
  }
}

export interface Image {
  readonly data: Uint8Array;
  readonly shape: readonly [height: number, width: number, channels: number];
}

/** @throws {PrunerError} `data-file-corrupt`. */
export async function decode(sharp: Sharp, path: string, options: ImageOptions): Promise<Image> {
  const { imageSize, imageFit = "cover", imageChannels = 3 } = options;
  try {
    const image = sharp(path)
      .removeAlpha()
      .toColourspace(imageChannels === 1 ? "b-w" : "srgb");
    const sized =
      imageSize === undefined ? image : image.resize(imageSize.width, imageSize.height, { fit: imageFit });
    const { data, info } = await sized.raw({ depth: "uchar" }).toBuffer({ resolveWithObject: true });
    return { data, shape: [info.height, info.width, info.channels] };
  } catch (cause) {
    const detail = `cannot be decoded as an image (${cause instanceof Error ? cause.message : String(cause)})`;
    throw new PrunerError("data-file-corrupt", { path, detail }, { cause });
  }
}

/** @throws {PrunerError} `image-size-differs`. */
export function checkSize(path: string, image: Image, first: Image): void {
  const [got, expected] = [image, first].map(
    ({ shape: [height, width, channels] }) => `${width}x${height}x${channels}`,
  );
  if (got !== expected) throw new PrunerError("image-size-differs", { path, got: got!, expected: expected! });
}
