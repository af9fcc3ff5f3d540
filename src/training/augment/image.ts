/** @file What is done to the pixels of one image inside a batch, in place. */

/** One image [C, H, W] inside a larger array; `start` moves on from image to image. */
export interface Image {
  readonly data: Float32Array;
  /** Position of its first element in `data`. */
  start: number;
  readonly channels: number;
  readonly height: number;
  readonly width: number;
  /** Room for one channel, [H, W]. */
  readonly scratch: Float32Array;
}

/**
 * Takes every pixel from `down` rows and `right` columns further on.
 * @param black Value per channel of pixels from outside; undefined mirrors the image at its outermost pixels instead.
 */
export function crop(image: Image, down: number, right: number, black: Float32Array | undefined): void {
  if (down === 0 && right === 0) return;
  const { data, channels, height, width, scratch } = image;
  const size = height * width;
  const ahead = down * width + right; // the same for all pixels, so that one copy moves them, borders aside
  const first = Math.max(0, ahead);
  const end = Math.min(size, size + ahead);
  for (let channel = 0; channel < channels; channel++) {
    const plane = image.start + channel * size;
    scratch.set(data.subarray(plane, plane + size));
    if (first < end) data.set(scratch.subarray(first, end), plane + first - ahead);
    for (let y = 0; y < height; y++) border(image, plane, y, down, right, black?.[channel]);
  }
}

/** Writes those pixels of a row that come from outside. */
function border(
  { data, height, width, scratch }: Image,
  plane: number,
  y: number,
  down: number,
  right: number,
  black: number | undefined,
): void {
  const inside = y + down >= 0 && y + down < height;
  const first = inside ? Math.min(width, Math.max(0, -right)) : width; // pixels first...end - 1 are in place
  const end = inside ? Math.max(first, Math.min(width, width - right)) : width;
  const row = plane + y * width;
  const source = mirrored(y + down, height) * width;
  for (let x = 0; x < first; x++) data[row + x] = black ?? scratch[source + mirrored(x + right, width)]!;
  for (let x = end; x < width; x++) data[row + x] = black ?? scratch[source + mirrored(x + right, width)]!;
}

/** Position inside 0…size − 1 after reflection at the ends, which are not repeated: -1 becomes 1. */
function mirrored(position: number, size: number): number {
  const above = position < 0 ? -position : position;
  return above < size ? above : 2 * size - 2 - above;
}

/** Left and right change places. */
export function flip({ data, start, channels, height, width }: Image): void {
  const end = start + channels * height * width;
  for (let row = start; row < end; row += width) {
    for (let left = row, right = row + width - 1; left < right; left++, right--) {
      const kept = data[left]!;
      data[left] = data[right]!;
      data[right] = kept;
    }
  }
}

/**
 * Writes 0 into a square, as far as it lies in the image.
 * @see DeVries & Taylor, "Improved Regularization of Convolutional Neural Networks with Cutout", 2017.
 */
export function cutout(
  { data, start, channels, height, width }: Image,
  top: number,
  left: number,
  size: number,
): void {
  const from = Math.max(0, left);
  const to = Math.min(width, left + size);
  for (let channel = 0; channel < channels; channel++) {
    for (let y = Math.max(0, top); y < Math.min(height, top + size); y++) {
      const row = start + (channel * height + y) * width;
      data.fill(0, row + from, row + to);
    }
  }
}

/**
 * Multiplies brightness (the distance from black), then contrast (the distance from the channel's mean). Neither is cut off
 * at white, which is not known after preprocessing; and contrast, unlike torchvision's, does not mix channels.
 */
export function jitter(image: Image, brightness: number, contrast: number, black: Float32Array): void {
  const { data, start, channels, height, width } = image;
  const size = height * width;
  for (let channel = 0; channel < channels; channel++) {
    const plane = start + channel * size;
    const lift = (1 - brightness) * black[channel]!;
    let sum = 0;
    for (let k = plane; k < plane + size; k++) sum += data[k]!;
    const mean = brightness * (sum / size) + lift;
    const factor = contrast * brightness;
    const shift = contrast * lift + (1 - contrast) * mean;
    for (let k = plane; k < plane + size; k++) data[k] = factor * data[k]! + shift;
  }
}
