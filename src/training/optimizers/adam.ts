/** @file Adam and AdamW: steps scaled by running moments of the gradient, with AMSGrad as an option. */
import { arrayOf } from "../named-arrays.ts";
import { checkSetting, emptyState, type Optimizer, slotOf } from "./optimizer.ts";

export interface AdamSpec {
  /** "adam" adds weight decay to the gradient (L2 penalty), "adamw" shrinks the weights beside the step. */
  readonly kind: "adam" | "adamw";
  /** Shares of the first and second moment that are kept, each in [0, 1). Default [0.9, 0.999]. */
  readonly betas?: readonly [number, number] | undefined;
  /** Added to the root of the second moment. Default 1e-8. */
  readonly eps?: number | undefined;
  /** Divides by the largest second moment seen instead of the latest one. Default false. */
  readonly amsgrad?: boolean | undefined;
}

const first = "firstMoment";
const second = "secondMoment";
const largest = "largestSecondMoment";

/**
 * With gradient g at step t: m = β₁·m + (1 − β₁)·g; v = β₂·v + (1 − β₂)·g²;
 * p = p − rate / (1 − β₁ᵗ) · m / (√v / √(1 − β₂ᵗ) + ε). As in PyTorch, AMSGrad takes the largest v before its correction.
 * Sums are formed in double precision and rounded once when they are stored as float32.
 * @throws {PrunerError} `invalid-option` for betas or eps out of range.
 * @see Kingma & Ba, "Adam: A Method for Stochastic Optimization", ICLR 2015; Loshchilov & Hutter, "Decoupled Weight
 *   Decay Regularization", ICLR 2019 (the decay is multiplied by the learning rate, as in PyTorch's AdamW, and not by
 *   the schedule's share alone); Reddi, Kale & Kumar, "On the Convergence of Adam and Beyond", ICLR 2018.
 */
export function adam({ kind, betas = [0.9, 0.999], eps = 1e-8, amsgrad = false }: AdamSpec): Optimizer {
  const [beta1, beta2] = betas;
  for (const beta of betas) checkSetting("betas", beta, beta >= 0 && beta < 1, "shares from 0 to below 1");
  checkSetting("eps", eps, eps >= 0 && Number.isFinite(eps), "a number from 0");
  const slots = amsgrad ? [first, second, largest] : [first, second];
  return {
    slots,
    init: (shapes) => emptyState(slots, shapes),
    step(parameters, gradients, state, { learningRate, weightDecayOf }) {
      const t = state.steps + 1;
      const size = learningRate / (1 - beta1 ** t);
      const root = Math.sqrt(1 - beta2 ** t);
      for (const [name, gradient] of gradients) {
        const decay = weightDecayOf(name);
        const of = (slot: string): Float32Array => arrayOf(slotOf(state, slot), name, gradient.length);
        const move = {
          parameter: arrayOf(parameters, name, gradient.length),
          gradient,
          m: of(first),
          v: of(second),
          penalty: kind === "adam" ? decay : 0,
          kept: kind === "adamw" ? 1 - learningRate * decay : 1,
          size,
          root,
          beta1,
          beta2,
          eps,
        };
        if (amsgrad) moveBelow(move, of(largest));
        else moveBy(move);
      }
      state.steps = t;
    },
  };
}

/** One parameter's step: arrays of equal length, and the numbers of the formula. */
interface Move {
  readonly parameter: Float32Array;
  readonly gradient: Float32Array;
  readonly m: Float32Array;
  readonly v: Float32Array;
  /** Share of the parameter that is added to the gradient. */
  readonly penalty: number;
  /** Share of the parameter that is left before the step. */
  readonly kept: number;
  /** rate / (1 − β₁ᵗ). */
  readonly size: number;
  /** √(1 − β₂ᵗ). */
  readonly root: number;
  readonly beta1: number;
  readonly beta2: number;
  readonly eps: number;
}

function moveBy({ parameter, gradient, m, v, penalty, kept, size, root, beta1, beta2, eps }: Move): void {
  for (let k = 0; k < parameter.length; k++) {
    const weight = parameter[k]!;
    const slope = gradient[k]! + penalty * weight;
    const mean = beta1 * m[k]! + (1 - beta1) * slope;
    const square = beta2 * v[k]! + (1 - beta2) * slope * slope;
    m[k] = mean;
    v[k] = square;
    parameter[k] = kept * weight - (size * mean) / (Math.sqrt(square) / root + eps);
  }
}

function moveBelow(move: Move, largestSquare: Float32Array): void {
  const { parameter, gradient, m, v, penalty, kept, size, root, beta1, beta2, eps } = move;
  for (let k = 0; k < parameter.length; k++) {
    const weight = parameter[k]!;
    const slope = gradient[k]! + penalty * weight;
    const mean = beta1 * m[k]! + (1 - beta1) * slope;
    const square = beta2 * v[k]! + (1 - beta2) * slope * slope;
    const bound = Math.max(largestSquare[k]!, square);
    m[k] = mean;
    v[k] = square;
    largestSquare[k] = bound;
    parameter[k] = kept * weight - (size * mean) / (Math.sqrt(bound) / root + eps);
  }
}
