/** @file Whether a teacher can teach a model, and what has to be bridged between the two. */
import { PrunerError } from "../base/problem.ts";
import type { ChannelAnalysis } from "../channels/groups.ts";
import type { Dim, Model, Node } from "../graph/model.ts";
import { chooseOutput, outputKind } from "../valuation/targets.ts";

/**
 * The teacher as the training loss reads it. A single input is bound to the model's whatever it is called.
 * @param wanted Output that is trained; the first of each when left out.
 * @throws {PrunerError} `teacher-mismatch` for other inputs, other outputs, or outputs of another kind.
 */
export function teacherFor(
  teacher: ChannelAnalysis,
  student: ChannelAnalysis,
  wanted: string | undefined,
): Model {
  const model = withInputOf(teacher.model, student.model);
  const sizes = new Map(student.model.graph.inputs.map(({ name, shape }) => [name, shape]));
  for (const { name, shape } of model.graph.inputs) {
    if (!sizes.has(name)) refuse(`it reads an input "${name}" that the model does not have`);
    if (!agree(shape, sizes.get(name)))
      refuse(`its input "${name}" is ${text(shape)}, the model's is ${text(sizes.get(name))}`);
  }
  const [theirs, ours] = [chooseOutput(model, wanted), chooseOutput(student.model, wanted)];
  const [given, needed] = [teacher.facts.get(theirs)?.shape, student.facts.get(ours)?.shape];
  if (!agree(given, needed)) refuse(`its output is ${text(given)}, the model's is ${text(needed)}`);
  const [kind, own] = [outputKind(model, theirs), outputKind(student.model, ours)];
  const serves = kind === own || (kind === "log-probabilities" && own === "logits"); // these are logits too
  if (!serves) refuse(`its output is ${kind}, the model's is ${own}`);
  return model;
}

function refuse(detail: string): never {
  throw new PrunerError("teacher-mismatch", { detail });
}

/** One input each belong together; the teacher's takes the model's name, and an identity passes it on. */
function withInputOf(teacher: Model, student: Model): Model {
  const { graph } = teacher;
  const [theirs, ...more] = graph.inputs;
  const [ours, ...others] = student.graph.inputs;
  if (theirs === undefined || ours === undefined || more.length + others.length > 0) return teacher;
  if (theirs.name === ours.name) return teacher;
  const taken = graph.nodes.some(({ outputs }) => outputs.includes(ours.name));
  if (taken || graph.initializers.has(ours.name)) return teacher;
  const bridge: Node = {
    name: "",
    opType: "Identity",
    domain: "",
    inputs: [ours.name],
    outputs: [theirs.name],
    attributes: new Map(),
  };
  return {
    ...teacher,
    graph: { ...graph, inputs: [{ ...theirs, name: ours.name }], nodes: [bridge, ...graph.nodes] },
  };
}

/** Whether sizes behind the batch agree, as far as they are known. */
function agree(a: readonly Dim[] | undefined, b: readonly Dim[] | undefined): boolean {
  if (a === undefined || b === undefined) return true;
  if (a.length !== b.length) return false;
  return a.every(
    (size, axis) => axis === 0 || typeof size !== "number" || typeof b[axis] !== "number" || size === b[axis],
  );
}

function text(shape: readonly Dim[] | undefined): string {
  return `[${(shape ?? []).map((size, axis) => (axis === 0 ? "N" : (size ?? "?"))).join(", ")}]`;
}
