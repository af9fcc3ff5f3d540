/** @file The masks of one group out of those of several. */

/**
 * Columns [first, first + width).
 * @param masks Shape [rows, players]: masks, or gates between 0 and 1.
 * @param into Shape [rows, width].
 * @returns `into`.
 */
export function maskColumns<T extends Uint8Array | Float32Array>(
  masks: T,
  players: number,
  first: number,
  width: number,
  into: T,
): T {
  if (width === players) into.set(masks);
  else
    for (let row = 0, at = first; row * width < into.length; row++, at += players)
      into.set(masks.subarray(at, at + width), row * width);
  return into;
}
