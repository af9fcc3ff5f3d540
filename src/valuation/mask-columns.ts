/** @file The masks of one group out of those of several, as the runtime takes them. */

/**
 * Columns [first, first + width) as floats.
 * @param masks Shape [rows, players]: masks, or gates between 0 and 1; floats are not copied where all columns are asked for.
 */
export function maskColumns(
  masks: Uint8Array | Float32Array,
  players: number,
  first: number,
  width: number,
): Float32Array {
  if (width === players) return masks instanceof Float32Array ? masks : new Float32Array(masks);
  const rows = masks.length / players;
  const out = new Float32Array(rows * width);
  for (let row = 0; row < rows; row++)
    out.set(masks.subarray(row * players + first, row * players + first + width), row * width);
  return out;
}
