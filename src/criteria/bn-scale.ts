/** @file The factor a batch normalisation gives a channel. */
import { PrunerError } from "../base/problem.ts";
import { toNumbers } from "../tensor/tensor.ts";
import { type Criterion, type CriterionContext, groupOf } from "./criterion.ts";

/**
 * Score of channel c: Σ |γ_n[c]| over the batch normalisations n that scale it: one behind a plain layer, several in
 * a residual stream or behind dense connections. Networks trained without a penalty on γ have less to tell here.
 * Not applicable where a channel passes no batch normalisation (for example after folding it into the convolution).
 */
export const bnScale: Criterion = {
  title: "Batch-norm scale",
  reference:
    "Liu, Li, Shen, Huang, Yan & Zhang, Learning efficient convolutional networks through network slimming, ICCV 2017, arXiv:1708.06519",
  description: "absolute scale of the channel's batch normalisation",
  needs: "weights",
  async score(context) {
    const { channels, members } = groupOf(context);
    const scores = new Float64Array(channels);
    const seen = new Uint8Array(channels);
    const scales = scaleNames(context);
    for (const { value, channelAt } of members) {
      if (!scales.has(value)) continue;
      const gamma = toNumbers(context.analysis.labelling.constants.get(value)!.load());
      channelAt.forEach((channel, position) => {
        if (channel < 0) return;
        scores[channel]! += Math.abs(gamma[position]!);
        seen[channel] = 1;
      });
    }
    refuseUnless(seen, context);
    return scores;
  },
};

/** Constants that some batch normalisation reads as its scale. */
function scaleNames({ analysis: { model, labelling } }: CriterionContext): Set<string> {
  const norms = model.graph.nodes.filter(
    ({ opType, domain }) => opType === "BatchNormalization" && domain === "",
  );
  return new Set(norms.map(({ inputs }) => inputs[1]!).filter((name) => labelling.constants.has(name)));
}

function refuseUnless(seen: Uint8Array, context: CriterionContext): void {
  const without = seen.indexOf(0);
  if (without < 0) return;
  const detail = seen.includes(1)
    ? `channel ${without} passes no batch normalisation`
    : "none of its channels passes a batch normalisation";
  throw new PrunerError("criterion-not-applicable", {
    criterion: "bn-scale",
    group: groupOf(context).id,
    detail,
  });
}
