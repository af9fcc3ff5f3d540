/** @file Random inputs for checks and timings when there are no data. */
import { PrunerError } from "../base/problem.ts";
import type { ChannelAnalysis } from "../channels/groups.ts";
import { concreteShape } from "../graph/dims.ts";
import { normal, stream } from "../math/random.ts";
import { batchOf } from "../passes/batch-places.ts";
import { isFloat } from "../tensor/dtype.ts";
import { fromNumbers, sizeOf, type Tensor } from "../tensor/tensor.ts";

/**
 * A batch of standard normal numbers (zeros for integer inputs), the same for the same model.
 * @throws {PrunerError} `input-size-open` when an input leaves more than its batch open.
 */
export function randomFeeds(analysis: ChannelAnalysis, batch: number): Record<string, Tensor> {
  const symbol = batchOf(analysis.model, analysis.facts);
  const feeds: Record<string, Tensor> = {};
  analysis.model.graph.inputs.forEach(({ name }, index) => {
    const { dtype, shape: known } = analysis.facts.get(name) ?? {};
    const shape = concreteShape(known?.map((dim) => (dim === symbol ? batch : dim)));
    if (dtype === undefined || shape === undefined) {
      throw new PrunerError("input-size-open", { input: name });
    }
    const generator = stream(0, index);
    const values = Float64Array.from({ length: sizeOf(shape) }, () =>
      isFloat(dtype) ? normal(generator) : 0,
    );
    feeds[name] = fromNumbers(dtype, shape, values);
  });
  return feeds;
}
