/** @file Penalties on parameters: terms that are added to a loss and keep weights small, sparse or in shape. */
import type { Emitter } from "../graph/emitter.ts";
import type { DType } from "../tensor/dtype.ts";

/** What a penalty knows of a trained parameter. */
export interface ParameterInfo {
  readonly shape: readonly number[];
  readonly dtype: DType;
}

export interface Penalty {
  /** What records call it: "l2". */
  readonly name: string;
  /**
   * Writes the nodes of the penalty. They may use operators with a gradient rule in operator set 18.
   * @param parameters The trained parameters, by the names their values have in the graph.
   * @returns Name of the penalty's value: one number without axes, of the parameters' dtype.
   */
  addTo(emit: Emitter, parameters: ReadonlyMap<string, ParameterInfo>): string;
}

/**
 * Half the squared length of the parameters: strength / 2 · Σ w². Its gradient is strength · w, so under plain
 * gradient descent it equals weight decay of that strength.
 * @param strength At least 0, per squared unit of the weights.
 * @param include Which parameters count; by default those with two axes or more, which leaves out biases and norms.
 */
export function l2Penalty(
  strength: number,
  include: (name: string, parameter: ParameterInfo) => boolean = (_, { shape }) => shape.length > 1,
): Penalty {
  return {
    name: "l2",
    addTo(emit, parameters) {
      const counted = [...parameters].filter(([name, parameter]) => include(name, parameter));
      const dtype = counted[0]?.[1].dtype ?? "float32";
      if (counted.length === 0) return emit.scalar(0, dtype);
      const squares = counted.map(([name]) =>
        emit.node("ReduceSum", [emit.node("Mul", [name, name])], { keepdims: 0 }),
      );
      const total = squares.reduce((sum, square) => emit.node("Add", [sum, square]));
      return emit.node("Mul", [total, emit.scalar(strength / 2, dtype)]);
    },
  };
}
