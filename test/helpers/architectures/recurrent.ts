/** @file Recurrent layers with states that are handed in and out, lengths, peepholes, and gates that hold nothing. */
import { float, type GraphBuilder } from "../build.ts";
import { type Architecture, architecture, headLocked } from "./architecture.ts";
import { activate, add, dense, ints, linear, sizeAt, sizes, transpose } from "./layers.ts";

const relu = (g: GraphBuilder, x: string) => activate(g, x, "relu");
const gates = { LSTM: 4, GRU: 3, RNN: 1 } as const;

/** W, R and B of one direction, or of both. */
function weights(
  g: GraphBuilder,
  name: string,
  opType: keyof typeof gates,
  from: number,
  hidden: number,
  directions = 1,
): string[] {
  const rows = gates[opType] * hidden;
  const own = (part: string, ...shape: number[]) =>
    g.weight([directions, ...shape], undefined, { name: `${name}.${part}` });
  return [own("W", rows, from), own("R", rows, hidden), own("B", 2 * rows)];
}

/** Tokens of six numbers, embedded, time first: [T, N, 5]. */
function embedded(g: GraphBuilder): string {
  return relu(g, linear(g, transpose(g, g.input("input", ["N", 4, 6]), [1, 0, 2]), "embed", 6, 5));
}

/** Only the last state of the encoder is told; the decoder begins with it. Sequences have lengths. */
function encoderDecoder(g: GraphBuilder): void {
  const x = embedded(g);
  const batch = g.node("Unsqueeze", [sizeAt(g, x, 1), ints(g, [0])]);
  const lengths = g.node("Cast", [g.node("Expand", [ints(g, [3]), batch])], { to: 6 });
  const encoder = weights(g, "encoder", "GRU", 5, 7);
  g.nodes("GRU", [x, ...encoder, lengths], ["", "state"], { hidden_size: 7, linear_before_reset: 1 });
  const decoder = weights(g, "decoder", "GRU", 5, 7);
  const [all] = g.nodes("GRU", [x, ...decoder, "", "state"], 1, { hidden_size: 7 });
  const steps = g.node("Squeeze", [all!, ints(g, [1])]);
  const mean = g.node("ReduceMean", [relu(g, linear(g, steps, "hidden", 7, 8))], { axes: [0], keepdims: 0 });
  g.output(dense(g, mean, "head", 8, 3), ["N", 3]);
}

/** First states that are learned and stretched to the batch, peepholes, and all outputs in use. */
function learnedStates(g: GraphBuilder): void {
  const x = embedded(g);
  const first = (name: string) =>
    g.node("Expand", [g.weight([2, 1, 5], undefined, { name }), sizes(g, [2, sizeAt(g, x, 1), 5])]);
  const inputs = [x, ...weights(g, "rnn", "LSTM", 5, 5, 2), "", first("h0"), first("c0"), g.weight([2, 15])];
  const attributes = { hidden_size: 5, direction: "bidirectional" };
  const [all, last, cell] = g.nodes("LSTM", inputs, 3, attributes) as [string, string, string];
  const mean = g.node("ReduceMean", [all], { axes: [0], keepdims: 0 }); // [2, N, 5]
  const sum = add(g, mean, add(g, last, g.node("Tanh", [cell])));
  const joined = g.node("Reshape", [transpose(g, sum, [1, 0, 2]), ints(g, [0, 10])]);
  g.output(dense(g, relu(g, dense(g, joined, "hidden", 10, 8)), "head", 8, 3), ["N", 3]);
}

/** What goes into the gates is bounded, so none of them can be shut. */
function boundedGates(g: GraphBuilder): void {
  const inputs = [embedded(g), ...weights(g, "rnn", "LSTM", 5, 5)];
  const [, last] = g.nodes("LSTM", inputs, 2, { hidden_size: 5, clip: float(2) });
  const flat = g.node("Squeeze", [last!, ints(g, [0])]);
  g.output(dense(g, relu(g, dense(g, flat, "hidden", 5, 8)), "head", 8, 3), ["N", 3]);
}

export const recurrent: readonly Architecture[] = [
  architecture("encoder and decoder of GRU", encoderDecoder),
  architecture("LSTM with learned states and peepholes", learnedStates),
  architecture("LSTM with bounded gates", boundedGates, {
    locked: { ...headLocked, rnn: "the hidden size of LSTM stays" },
    share: 0.3,
  }),
];
