/**
 * @file Which groups a pattern means.
 *
 * A pattern is tried in this order:
 * - `/…/` with a bar at both ends is a regular expression (case-sensitive, found anywhere);
 * - the exact name of a group, node or value;
 * - with any of `* ? [ ] { }` a glob over the whole name, in which `*` also passes dots and bars;
 * - anything else is found anywhere in a name.
 * Names are the group's id, then the nodes whose weights make its channels, then every value that carries them. The
 * first of these three in which the pattern matches anything decides, so "conv1" means the group called that and
 * not each value that happens to contain it.
 */
import picomatch from "picomatch";
import { nearestNames } from "../base/nearest-names.ts";
import { PrunerError } from "../base/problem.ts";
import type { ChannelGroup } from "../channels/groups.ts";

/** A group with what can be said to mean it; a `ChannelGroup` is one. */
export type NamedGroup = Pick<ChannelGroup, "id" | "producers" | "members">;

export interface Selection {
  /** Only these; all groups when left out or empty. */
  readonly only?: readonly string[] | undefined;
  /** Not these, whatever `only` says. */
  readonly ignore?: readonly string[] | undefined;
}

/**
 * Indexes of the groups that the patterns of `only` name and those of `ignore` do not, ascending. Locked groups can
 * be named like any other.
 * @throws {PrunerError} `unknown-group` for a pattern without any match, `invalid-option` for a faulty one,
 *   `nothing-selected` when nothing is left.
 * @example selectGroups(analysis.groups, { only: ["layer1.*"], ignore: ["layer1.0.conv1"] });
 */
export function selectGroups(groups: readonly NamedGroup[], { only = [], ignore = [] }: Selection): number[] {
  const wanted = new Set(only.flatMap((pattern) => groupsMatching(groups, pattern, "only")));
  const unwanted = new Set(ignore.flatMap((pattern) => groupsMatching(groups, pattern, "ignore")));
  const selected = [...groups.keys()].filter(
    (group) => (only.length === 0 || wanted.has(group)) && !unwanted.has(group),
  );
  if (selected.length === 0) throw new PrunerError("nothing-selected", { groups: groups.length });
  return selected;
}

/**
 * Indexes of the groups one pattern means, ascending.
 * @param option Named in messages.
 * @throws {PrunerError} `unknown-group` when there are none, `invalid-option` for a faulty pattern.
 */
export function groupsMatching(groups: readonly NamedGroup[], pattern: string, option: string): number[] {
  const named = groups.map(namesOf);
  for (const kind of ["ids", "nodes", "values"] as const) {
    const matches = matcherOf(
      pattern,
      named.flatMap((names) => names[kind]),
      option,
    );
    const found = [...groups.keys()].filter((group) => named[group]![kind].some(matches));
    if (found.length > 0) return found;
  }
  const nearest = nearestNames(
    pattern,
    groups.map(({ id }) => id),
  );
  throw new PrunerError("unknown-group", { pattern, option, nearest });
}

function namesOf({ id, producers, members }: NamedGroup) {
  return {
    ids: [id],
    nodes: producers.map(({ name }) => name).filter((name) => name !== ""),
    values: members.map(({ value }) => value),
  };
}

/**
 * Says which names a pattern means, by the rules at the top of this file.
 * @param names Everything the pattern may mean: one of them, written out, means itself alone.
 * @throws {PrunerError} `invalid-option` for a faulty pattern.
 */
export function matcherOf(
  pattern: string,
  names: readonly string[],
  option: string,
): (name: string) => boolean {
  if (pattern === "")
    throw new PrunerError("invalid-option", { option, got: pattern, expected: "the name of a group" });
  if (/^\/.+\/$/.test(pattern)) return expressionOf(pattern, option);
  if (names.includes(pattern)) return (name) => name === pattern;
  if (/[*?[\]{}]/.test(pattern)) {
    const matches = picomatch(pattern, { bash: true, dot: true, nonegate: true });
    return (name) => matches(name); // a second argument, such as the index some() passes, would change the answer
  }
  return (name) => name.includes(pattern);
}

function expressionOf(pattern: string, option: string): (name: string) => boolean {
  try {
    const expression = new RegExp(pattern.slice(1, -1), "u");
    return (name) => expression.test(name);
  } catch (cause) {
    const expected = `a regular expression between the bars (${(cause as Error).message})`;
    throw new PrunerError("invalid-option", { option, got: pattern, expected }, { cause });
  }
}
