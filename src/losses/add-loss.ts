/** @file Puts a loss behind a model, as nodes of the same graph. */
import { PrunerError } from "../base/problem.ts";
import { emitterFor } from "../graph/emitter.ts";
import type { Dim, Model, ValueInfo } from "../graph/model.ts";
import type { Facts } from "../ops/infer.ts";
import { bothClasses, classesOf, logProbabilities, scoresOf, scoresOfModel } from "./class-scores.ts";
import { labelTerm, softTerm } from "./cross-entropy.ts";
import { distillationTerm } from "./distillation.ts";
import { type LossDraft, meanOfExamples, meanPerExample, type Term } from "./draft.ts";
import type { ParameterInfo, Penalty } from "./penalties.ts";
import { type CrossEntropySpec, checkSpec, type LossGraph, type LossInputs, type LossSpec } from "./spec.ts";

export interface LossOptions {
  readonly penalties?: readonly Penalty[] | undefined;
  /** What the penalties are about. */
  readonly parameters?: ReadonlyMap<string, ParameterInfo> | undefined;
}

/** Terms and the inputs they read. */
interface Terms {
  readonly terms: readonly Term[];
  readonly targets?: ValueInfo | undefined;
  readonly teacher?: ValueInfo | undefined;
}

/**
 * Appends a loss to a model of operator set 18 or later (`raiseOpset`) that computes in single or double precision
 * (`toFloat32`). Only operators with a gradient rule lie between the model's output and the loss.
 * @param facts What is known of the model's values.
 * @throws {PrunerError} `output-unknown`; `invalid-option` for a number out of range; `loss-invalid` when the loss
 *   does not suit the output.
 * @example
 * const spec = { kind: "cross-entropy", output: "logits", outputIs: "logits", labelSmoothing: 0.1 } as const;
 * const { model, loss, inputs } = addLoss(network, inferFacts(network), spec); // feed inputs.targets: int64 [N]
 */
export function addLoss(
  model: Model,
  facts: Facts,
  spec: LossSpec,
  { penalties = [], parameters = new Map() }: LossOptions = {},
): LossGraph {
  checkSpec(spec);
  const draft = draftOf(model, facts, spec.output);
  const { emit } = draft;
  const { terms, targets, teacher } =
    spec.kind === "cross-entropy" ? classTerms(draft, spec) : squaredErrorTerms(draft);
  const weights: ValueInfo | undefined =
    spec.exampleWeights === true
      ? { name: emit.unique("loss/weights"), dtype: draft.dtype, shape: draft.shape.slice(0, 1) }
      : undefined;
  const added = (names: readonly string[]) => names.reduce((sum, next) => emit.node("Add", [sum, next]));
  const dataLoss = added(terms.map((term) => meanOfExamples(draft, term, weights?.name)));
  const values = new Map<string, string>();
  for (const { name, addTo } of penalties) {
    if (values.has(name)) throw new Error(`two penalties are called "${name}"`); // a mistake of the caller
    values.set(name, addTo(emit, parameters));
  }
  const loss = added([dataLoss, ...values.values()]);
  const perExample = added(terms.map((term) => term.perExample));
  const inputs: LossInputs = { targets: targets?.name, teacher: teacher?.name, weights: weights?.name };
  const infos = [targets, teacher, weights].filter((info) => info !== undefined);
  const withLoss = extended(model, draft, infos, { name: loss, dtype: draft.dtype, shape: [] });
  return { model: withLoss, loss, dataLoss, perExample, inputs, penalties: values };
}

function draftOf(model: Model, facts: Facts, output: string): LossDraft {
  const { graph, opsets } = model;
  if ((opsets.get("") ?? 0) < 18) throw new Error("losses stand behind models of operator set 18 or later"); // our bug
  const available = graph.outputs.map(({ name }) => name);
  if (!available.includes(output)) throw new PrunerError("output-unknown", { output, available });
  const { shape, dtype } = facts.get(output) ?? {};
  const refused = (detail: string) => new PrunerError("loss-invalid", { detail });
  if (shape === undefined || shape.length === 0)
    throw refused(`output "${output}" has no known axis of examples. Choose another output with --output`);
  if (dtype !== "float32" && dtype !== "float64") {
    const got = dtype ?? "an unknown type";
    throw refused(`output "${output}" is ${got} and has no gradient. Choose another output with --output`);
  }
  return { graph, emit: emitterFor(graph, "loss/"), output, shape: shape.map(declarable), dtype };
}

/** A size that a file can declare: a number or a plain name. */
function declarable(dim: Dim): Dim {
  return typeof dim === "string" && !/^[\p{L}_][\w.]*$/u.test(dim) ? undefined : dim;
}

function classTerms(draft: LossDraft, spec: CrossEntropySpec): Terms {
  const { emit, dtype, shape } = draft;
  const { outputIs, labelSmoothing: smoothing = 0, soft = false, distill } = spec;
  const classes = classesOf(draft);
  const student = scoresOfModel(draft, classes, outputIs);
  const terms: Term[] = [];
  let targets: ValueInfo | undefined;
  let teacher: ValueInfo | undefined;
  const factor = 1 - (distill?.weight ?? 0);
  if (factor > 0) {
    const logs = logProbabilities(draft, student);
    const name = emit.unique("loss/targets");
    const positions = shape.filter((_, axis) => axis !== 1);
    targets = soft ? { name, dtype, shape } : { name, dtype: "int64", shape: positions };
    const both = soft && classes.single ? bothClasses(draft, name, "probabilities") : name;
    terms.push((soft ? softTerm : labelTerm)(draft, classes, logs, both, { smoothing, factor }));
  }
  if (distill !== undefined) {
    teacher = { name: emit.unique("loss/teacher"), dtype, shape };
    const scores = { student, teacher: scoresOf(draft, classes, teacher.name, outputIs) };
    terms.push(distillationTerm(draft, classes, scores, distill));
  }
  return { terms, targets, teacher };
}

/** Mean of (output − target)² over all outputs of an example. */
function squaredErrorTerms(draft: LossDraft): Terms {
  const { emit, dtype, shape, output } = draft;
  const targets: ValueInfo = { name: emit.unique("loss/targets"), dtype, shape };
  const error = emit.node("Sub", [output, targets.name]);
  const square = emit.node("Mul", [error, error]);
  return { terms: [{ perExample: meanPerExample(draft, square, shape.length) }], targets };
}

function extended(model: Model, { emit }: LossDraft, inputs: readonly ValueInfo[], loss: ValueInfo): Model {
  const { graph } = model;
  return {
    ...model,
    graph: {
      ...graph,
      nodes: [...graph.nodes, ...emit.nodes],
      initializers: new Map([...graph.initializers, ...emit.initializers]),
      inputs: [...graph.inputs, ...inputs],
      outputs: [...graph.outputs, loss],
    },
  };
}
