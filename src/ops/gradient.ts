/** @file The signature every gradient rule has: how the gradient of a node's outputs becomes one of its inputs. */
import type { Emitter } from "../graph/emitter.ts";
import type { Node } from "../graph/model.ts";
import type { DType } from "../tensor/dtype.ts";
import type { Fact } from "./operator.ts";

/** What a gradient rule may ask and say. Values of the forward pass are read by the node's own input and output names. */
export interface GradientCall {
  readonly node: Node;
  /** Version of the standard operator set, 18 or later: rules write what that version allows. */
  readonly opset: number;
  /** One per input; undefined where an optional input is omitted. */
  readonly inputs: readonly (Fact | undefined)[];
  readonly outputs: readonly (Fact | undefined)[];
  /** Name of the gradient of each output, of that output's shape and dtype; undefined where nothing flows back. */
  readonly gradients: readonly (string | undefined)[];
  /** Element type of the first output's gradient; constants a rule adds have to be of it. */
  readonly dtype: DType;
  /** Whether the gradient of this input is of use; work for others is wasted. */
  wants(input: number): boolean;
  /** Where the rule writes its nodes. */
  readonly emit: Emitter;
  /** Name of an output of the forward node, which is made to yield it when the model left it out. */
  output(output: number): string;
  /** Shape as the graph runs: the name of an int64 list. */
  shapeOf(value: string): string;
  /** @throws {PrunerError} `no-gradient` naming node and operator: for attributes the rule does not cover. */
  refuse(reason: string): never;
}

/**
 * Emits the nodes that compute the gradients of the inputs, and returns their names, one per input; undefined for
 * inputs that are not wanted or do not change the outputs in a differentiable way. Each gradient has the shape and
 * dtype of its input.
 */
export type GradientRule = (call: GradientCall) => readonly (string | undefined)[];
