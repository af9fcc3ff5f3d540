/** @file Suggestions for a name that was probably mistyped. */

/**
 * Up to `count` of the names, those with the fewest edits per letter first; names that share hardly anything are left
 * out. A name that contains the wanted one counts as near.
 */
export function nearestNames(wanted: string, names: Iterable<string>, count = 3): string[] {
  const scored = [...new Set(names)].map((name) => ({ name, distance: distanceOf(wanted, name) }));
  return scored
    .filter(({ distance }) => distance < 0.6)
    .sort((a, b) => a.distance - b.distance || (a.name < b.name ? -1 : 1))
    .slice(0, count)
    .map(({ name }) => name);
}

/** From 0 for equal names to 1 for names without anything in common. */
function distanceOf(wanted: string, name: string): number {
  const [a, b] = [wanted.toLowerCase(), name.toLowerCase()];
  if (a === b) return 0;
  if (a !== "" && b.includes(a)) return 0.1;
  return editsBetween(a, b) / Math.max(a.length, b.length);
}

/** Insertions, deletions and substitutions that turn one into the other (Levenshtein's distance). */
function editsBetween(a: string, b: string): number {
  let above = Array.from({ length: b.length + 1 }, (_, k) => k);
  for (let i = 1; i <= a.length; i++) {
    const row = [i];
    for (let j = 1; j <= b.length; j++) {
      const substituted = above[j - 1]! + (a[i - 1] === b[j - 1] ? 0 : 1);
      row.push(Math.min(substituted, above[j]! + 1, row[j - 1]! + 1));
    }
    above = row;
  }
  return above[b.length]!;
}
