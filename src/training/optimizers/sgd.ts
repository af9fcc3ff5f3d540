/** @file Stochastic gradient descent, plain, with momentum, or with Nesterov's look-ahead. */
import { PrunerError } from "../../base/problem.ts";
import { arrayOf } from "../named-arrays.ts";
import { checkSetting, emptyState, type Optimizer, slotOf } from "./optimizer.ts";

export interface SgdSpec {
  readonly kind: "sgd";
  /** Share of the last direction that is kept, in [0, 1). Default 0. */
  readonly momentum?: number | undefined;
  /** Looks one momentum step ahead. Default false. */
  readonly nesterov?: boolean | undefined;
}

/**
 * With gradient g, weight decay λ and momentum μ (dampening 0, as in PyTorch's SGD):
 * d = g + λ·p; b = μ·b + d; p = p − rate · (nesterov ? d + μ·b : b).
 * Sums are formed in double precision and rounded once when they are stored as float32.
 * @throws {PrunerError} `invalid-option` for a momentum out of range, or Nesterov without momentum.
 * @see Sutskever, Martens, Dahl & Hinton, "On the importance of initialization and momentum in deep learning", ICML 2013;
 *   the form in which the rate stays outside the momentum is PyTorch's.
 */
export function sgd({ momentum = 0, nesterov = false }: SgdSpec): Optimizer {
  checkSetting("momentum", momentum, momentum >= 0 && momentum < 1, "a share from 0 to below 1");
  if (nesterov && momentum === 0)
    throw new PrunerError("invalid-option", {
      option: "momentum",
      got: "0",
      expected: "more than 0 for nesterov",
    });
  const slots = momentum === 0 ? [] : ["momentum"];
  return {
    slots,
    init: (shapes) => emptyState(slots, shapes),
    step(parameters, gradients, state, { learningRate, weightDecayOf }) {
      const buffers = momentum === 0 ? undefined : slotOf(state, "momentum");
      for (const [name, gradient] of gradients) {
        const parameter = arrayOf(parameters, name, gradient.length);
        const decay = weightDecayOf(name);
        if (buffers === undefined) descend(parameter, gradient, learningRate, decay);
        else {
          const buffer = arrayOf(buffers, name, gradient.length);
          if (nesterov) lookAhead(parameter, gradient, buffer, learningRate, decay, momentum);
          else roll(parameter, gradient, buffer, learningRate, decay, momentum);
        }
      }
      state.steps++;
    },
  };
}

function descend(p: Float32Array, gradient: Float32Array, rate: number, decay: number): void {
  for (let k = 0; k < p.length; k++) {
    const weight = p[k]!;
    p[k] = weight - rate * (gradient[k]! + decay * weight);
  }
}

function roll(
  p: Float32Array,
  gradient: Float32Array,
  buffer: Float32Array,
  rate: number,
  decay: number,
  momentum: number,
): void {
  for (let k = 0; k < p.length; k++) {
    const weight = p[k]!;
    const direction = momentum * buffer[k]! + gradient[k]! + decay * weight;
    buffer[k] = direction;
    p[k] = weight - rate * direction;
  }
}

function lookAhead(
  p: Float32Array,
  gradient: Float32Array,
  buffer: Float32Array,
  rate: number,
  decay: number,
  momentum: number,
): void {
  for (let k = 0; k < p.length; k++) {
    const weight = p[k]!;
    const slope = gradient[k]! + decay * weight;
    const direction = momentum * buffer[k]! + slope;
    buffer[k] = direction;
    p[k] = weight - rate * (slope + momentum * direction);
  }
}
