/**
 * @file com.microsoft.MoE: experts of which each row takes the best few. What goes in comes out as wide, so both are the same
 * channels; inside, no mask reaches the rows of single experts, so their inner channels stay.
 */
import { intAttribute } from "../../graph/attributes.ts";
import type { CostTerm, Couplings, Fact, InferCall, Operator } from "../operator.ts";
import { blockFor, likeFirst, shapeOf } from "../shapes.ts";

/** Inputs: rows, scores of the experts, and weights and biases of up to three layers, [experts, ., .] and [experts, .]. */
const at = { rows: 0, scores: 1, into: 2, out: 4, outBias: 5, gate: 6 } as const;

/** Axes of the weights that run over the rows' channels; undefined where sizes do not tell. */
function channelAxes(
  call: Pick<InferCall, "inputs">,
): { readonly into: 1 | 2; readonly out: 1 | 2 } | undefined {
  const [rows, into, out] = [at.rows, at.into, at.out].map((input) => call.inputs[input]?.shape);
  const size = rows?.at(-1);
  if (typeof size !== "number" || into?.length !== 3 || out?.length !== 3) return undefined;
  const isRowMajor = into[2] === size && out[1] === size;
  const isColumnMajor = into[1] === size && out[2] === size;
  if (isRowMajor === isColumnMajor) return undefined;
  return isRowMajor ? { into: 2, out: 1 } : { into: 1, out: 2 };
}

function coupleExperts(c: Couplings): void {
  const axes = channelAxes(c);
  if (axes === undefined) {
    for (let input = 0; input < c.node.inputs.length; input++)
      c.lockInput(input, "the layout of its experts' weights is not known");
    return;
  }
  const last = c.inputs[at.rows]!.shape!.length - 1;
  c.lockInput(at.scores, "its experts stay");
  const channels = c.labelsOf(at.rows, last);
  for (const input of [at.into, at.gate]) {
    if ((c.node.inputs[input] ?? "") === "") continue;
    c.unify(channels, c.labelsOf(input, axes.into), "the experts read a channel that is fixed");
    c.lock(c.produce(input, axes.into === 2 ? 1 : 2), `no mask reaches the channels inside ${c.node.opType}`);
  }
  c.read(at.rows, last);
  const made = c.produce(at.out, axes.out);
  c.unify(channels, made, "what goes in is fixed, and as wide as what comes out");
  if ((c.node.inputs[at.outBias] ?? "") !== "") c.unify(made, c.labelsOf(at.outBias, 1));
  const others = c.blocksOf(at.rows).filter((block) => !block.axes.includes(last));
  c.setOutput(0, [...others, ...blockFor(last, made)]);
}

/** Every row goes through as many experts as it takes. */
function expertMacs(
  call: InferCall & { readonly outputs: readonly (Fact | undefined)[] },
): readonly CostTerm[] {
  const rows = shapeOf(call, at.rows);
  if (rows === undefined) return [];
  const [name] = call.node.inputs as [string];
  const places = rows.slice(0, -1).map((_, axis) => ({ value: name, axis }));
  return [at.into, at.gate, at.out]
    .map((input) => call.node.inputs[input] ?? "")
    .filter((value) => value !== "")
    .map((value) => ({
      coefficient: intAttribute(call.node, "k", 1),
      axes: [...places, { value, axis: 1 }, { value, axis: 2 }],
    }));
}

export const experts: Operator = {
  infer: (call) => [likeFirst(call, shapeOf(call, at.rows))],
  macs: expertMacs,
  couple: coupleExperts,
};
