/** @file Names of groups and layers beside charts: shortened where there is no room. */

/** Room in pixels for a letter at the size charts use. */
const letter = 6.6;

/** Names cut in the middle to what fits, and the margin they need. Names that become equal get their place as well. */
export function rowLabels(
  names: readonly string[],
  width: number,
): { readonly labels: readonly string[]; readonly margin: number } {
  const most = Math.floor(width / (width < 500 ? 3.2 : 3.6) / letter);
  const short = names.map((name) => shortened(name, most));
  const labels = short.map((label, k) => (short.indexOf(label) === k ? label : `${label} (${k + 1})`));
  const longest = Math.max(1, ...labels.map((label) => [...label].length));
  return { labels, margin: Math.ceil(longest * letter) + 14 };
}

/** @example shortened("stage3.block1.conv2", 11); // "stage…conv2" */
export function shortened(name: string, most: number): string {
  const letters = [...name];
  if (letters.length <= most) return name;
  const head = Math.floor((most - 1) / 2);
  return `${letters.slice(0, head).join("")}…${letters.slice(letters.length - (most - 1 - head)).join("")}`;
}
