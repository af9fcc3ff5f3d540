/** @file Why channels belong together, as text for a terminal. */
import type { ChainStep } from "../channels/chains.ts";
import type { GroupExplanation } from "../channels/explain.ts";
import { whole } from "./format.ts";

export function explanationText(explanation: GroupExplanation): string {
  const { id, channels, fixedChannels, first, links, pairings, balances, locks } = explanation;
  const lines = [
    `${id}: ${counted(channels + fixedChannels, "channel")}, ${fixedChannels === 0 ? "all" : whole(channels)} removable`,
    `${first.layer} makes them first (${first.node})`,
  ];
  for (const { layer, tiedTo, chain } of links)
    lines.push("", `${layer} with ${tiedTo}: ${reasonOf(chain)}`, ...chainLines(chain));
  for (const { layer, positions, chain } of pairings) {
    const [one, other] = positions;
    lines.push("", `${layer}, outputs ${one} and ${other}: ${reasonOf(chain)}`, ...chainLines(chain));
  }
  if (links.length + pairings.length === 0) lines.push("no other layer shares them");
  if (balances.length + locks.length > 0) lines.push("");
  for (const { node, blocks } of balances)
    lines.push(`${node} wants equally many in each of its ${blocks} blocks`);
  for (const { node, reason, channels: held } of locks)
    lines.push(
      `${counted(held, "channel")} ${held === 1 ? "has" : "have"} to stay: ${reason}${node === "" || node === "graph output" ? "" : ` (${node})`}`,
    );
  return lines.join("\n");
}

function counted(count: number, noun: string): string {
  return `${whole(count)} ${noun}${count === 1 ? "" : "s"}`;
}

/** The ties of a chain in a sentence. */
function reasonOf(chain: readonly ChainStep[]): string {
  const ties = chain.filter(({ tie }) => tie !== null);
  return ties.length === 0 ? "both use one weight" : ties.map(tieText).join(", then ");
}

function tieText({ node, opType, tie, tied }: ChainStep): string {
  const axes = [...new Set(tied.map(({ axis }) => axis))];
  const where = axes.length === 1 ? ` along axis ${axes[0]}` : "";
  switch (tie) {
    case "meet":
      return `${named(opType, node)} takes them position by position${where}`;
    case "rectangle":
      return `${named(opType, node)} spreads them over several axes, from which whole rows go together`;
    case "balance":
      return `${named(opType, node)} needs equally many in each of its blocks`;
    case null:
      return "";
    default:
      return tie satisfies never;
  }
}

/** One node a line, with an arrow for the way the data flow. */
function chainLines(chain: readonly ChainStep[]): string[] {
  return chain.map(({ node, opType, move, tie }, k) => {
    const arrow = k === 0 ? "  " : arrows[chain[k - 1]!.next ?? "apart"];
    const notes = [...(move === null ? [] : [moveText(move)]), ...(tie === null ? [] : ["ties"])];
    return `  ${arrow} ${named(opType, node)}${notes.length === 0 ? "" : `: ${notes.join(", ")}`}`;
  });
}

/** From the line above: data flow down, data flow up, both read one value, no value leads there. */
const arrows = { forward: "->", backward: "<-", beside: "--", apart: ".." } as const;

function moveText(move: NonNullable<ChainStep["move"]>): string {
  switch (move.kind) {
    case "offset":
      return `offsets by ${move.by}`;
    case "repeat":
      return `repeats each ${move.times} times`;
    case "join":
      return `makes one of every ${move.positions}`;
    case "reorder":
      return "reorders";
    default:
      return move satisfies never;
  }
}

/** Nodes without a name are told by operator and output already. */
function named(opType: string, node: string): string {
  return node.startsWith(`${opType} -> `) ? node : `${opType} "${node}"`;
}
