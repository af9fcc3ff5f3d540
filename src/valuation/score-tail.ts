/**
 * @file Has logits normalised by the runtime, where a payoff is about one of them alone. It computes several exponentials at
 * once, while a thread that takes one after the other spends more time on them than on the whole tail of a small network.
 */
import { emitterFor } from "../graph/emitter.ts";
import type { Scores } from "../metrics/index.ts";
import type { Tail } from "./tail.ts";
import type { PayoffSetup } from "./targets.ts";

/** A tail, and what its output means to the payoff. */
export interface ScoredTail {
  readonly parts: Tail;
  readonly output: string;
  readonly outputIs: Scores;
}

/** First operator set whose LogSoftmax is about one axis; before it was about all that follow as well. */
const alongOneAxis = 13;

/**
 * Puts LogSoftmax behind logits in single precision, for cross-entropy. The tail is left as it is for all other payoffs, which
 * read probabilities, the original's outputs in double precision, or no exponentials.
 */
export function scoreTail(parts: Tail, payoff: PayoffSetup): ScoredTail {
  const { output, outputIs } = payoff;
  const unscored: ScoredTail = { parts, output, outputIs };
  const fact = parts.facts.get(output);
  const shape = fact?.shape ?? [];
  const isAlone = shape.length === 2 || (parts.tail.opsets.get("") ?? 1) >= alongOneAxis;
  const isSeveral = typeof shape[1] === "number" && shape[1] > 1;
  const isMeant = payoff.kind === "cross-entropy" && outputIs === "logits" && fact?.dtype === "float32";
  if (!isMeant || !isSeveral || !isAlone) return unscored;
  const { graph } = parts.tail;
  const emit = emitterFor(graph, "scores/");
  const scores = emit.node("LogSoftmax", [output], { axis: 1 });
  const outputs = graph.outputs.map((info) => (info.name === output ? { ...info, name: scores } : info));
  const tail = { ...parts.tail, graph: { ...graph, outputs, nodes: [...graph.nodes, ...emit.nodes] } };
  const facts = new Map([...parts.facts, [scores, fact]]);
  return { parts: { ...parts, tail, facts }, output: scores, outputIs: "normalised logits" };
}
