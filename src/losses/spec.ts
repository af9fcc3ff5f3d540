/** @file What a loss is asked to be, and what it says about itself once it stands in a graph. */
import { PrunerError } from "../base/problem.ts";
import type { Model } from "../graph/model.ts";
import type { OutputIs } from "../metrics/metric.ts";

/** Learning from the softened class probabilities of a larger network. */
export interface Distillation {
  /** Divides logits before both softmaxes; above 0, 1 leaves them as they are. */
  readonly temperature: number;
  /** Share of the distillation in the loss, above 0 and at most 1; 1 needs no targets. */
  readonly weight: number;
}

interface AnyLoss {
  /** Name of the model's output that is held against the targets. */
  readonly output: string;
  /** Adds an input that weighs each example in the mean; a weight of 0 leaves it out. */
  readonly exampleWeights?: boolean | undefined;
}

export interface CrossEntropySpec extends AnyLoss {
  readonly kind: "cross-entropy";
  /** Class axis is 1. Size 1 there, or no such axis, is a single output that speaks for class 1 of two. */
  readonly outputIs: OutputIs;
  /** This share of the target is spread evenly over all classes; at least 0 and below 1. Default 0. */
  readonly labelSmoothing?: number | undefined;
  /** Targets are class probabilities in the shape of the output instead of labels. */
  readonly soft?: boolean | undefined;
  readonly distill?: Distillation | undefined;
}

export interface SquaredErrorSpec extends AnyLoss {
  readonly kind: "squared-error";
}

export type LossSpec = CrossEntropySpec | SquaredErrorSpec;

/** Names of the inputs a loss adds. Numbers have the dtype of the model's output. */
export interface LossInputs {
  /**
   * Labels: int64 of shape [N, ...positions], below the number of classes; negative where nothing counts. Soft targets
   * and those of the squared error: shaped like the output; a single output's soft target is the probability of class 1.
   */
  readonly targets?: string | undefined;
  /** The teacher's output for the same examples, shaped like the model's and in the form `outputIs` says. */
  readonly teacher?: string | undefined;
  /** Shape [N], at least 0. */
  readonly weights?: string | undefined;
}

export interface LossGraph {
  /** The given model with the loss behind it, the new inputs, and the loss as its last output. */
  readonly model: Model;
  /** The number that is minimised, without axes: data term and penalties. */
  readonly loss: string;
  /**
   * The data term alone, without axes. Targets count as a mean over the examples that carry one (0 when none does),
   * the teacher as a mean over all examples; both weighted when `exampleWeights` asks for it.
   */
  readonly dataLoss: string;
  /** Shape [N]: the data term of each example, a mean over its labelled positions; 0 without any. */
  readonly perExample: string;
  readonly inputs: LossInputs;
  /** Value of each penalty, by its name. */
  readonly penalties: ReadonlyMap<string, string>;
}

/** @throws {PrunerError} `invalid-option` for a number out of range. */
export function checkSpec(spec: LossSpec): void {
  if (spec.kind !== "cross-entropy") return;
  const { labelSmoothing = 0, distill } = spec;
  if (!(labelSmoothing >= 0 && labelSmoothing < 1))
    throw outOfRange("label-smoothing", labelSmoothing, "a number from 0 to below 1");
  if (distill === undefined) return;
  if (!(distill.temperature > 0 && distill.temperature < Infinity))
    throw outOfRange("temperature", distill.temperature, "a number above 0");
  if (!(distill.weight > 0 && distill.weight <= 1))
    throw outOfRange("distill-weight", distill.weight, "a number above 0 and at most 1");
}

function outOfRange(option: string, got: number, expected: string): PrunerError<"invalid-option"> {
  return new PrunerError("invalid-option", { option, got: String(got), expected });
}
