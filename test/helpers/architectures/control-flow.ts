/** @file Networks with bodies inside: If, Loop and Scan. What a body reads stays; everything else is cut. */
import { fromNumbers, int64 } from "../../../src/tensor/tensor.ts";
import { type GraphBuilder, graphBuilder } from "../build.ts";
import { type Architecture, architecture } from "./architecture.ts";
import { add, classify, convNorm, dense, image, transpose } from "./layers.ts";

/** Two ways on, each with weights of its own; both read a value from outside. */
function branches(g: GraphBuilder): void {
  const x = convNorm(g, convNorm(g, image(g), "conv1", 3, 5), "conv2", 5, 4);
  const way = (prefix: string, opType: string) => {
    const inner = graphBuilder(prefix);
    const weight = inner.weight([6, 4, 1, 1], undefined, { name: `${prefix}weight` });
    inner.output(inner.node(opType, [inner.node("Conv", [x, weight])]), ["N", 6, 8, 8]);
    return inner.graph();
  };
  const flag = g.input("flag", [], "bool");
  const chosen = g.node("If", [flag], {
    then_branch: way("then_", "Relu"),
    else_branch: way("else_", "Tanh"),
  });
  const after = convNorm(g, chosen, "conv3", 6, 5);
  classify(g, add(g, after, convNorm(g, x, "conv4", 4, 5)), 5);
}

/** The same residual step several times over a value that the loop carries. */
function loop(g: GraphBuilder): void {
  const x = convNorm(g, convNorm(g, image(g), "conv1", 3, 5), "conv2", 5, 4);
  const body = graphBuilder("body_");
  body.input("body_iteration", [], "int64");
  const going = body.input("body_condition", [], "bool");
  const state = body.input("body_state", ["N", 4, 8, 8]);
  const weight = body.weight([4, 4, 3, 3], undefined, { name: "body_weight" });
  const out = body.node("Conv", [state, weight], { pads: [1, 1, 1, 1] });
  body.output(body.node("Identity", [going]), [], "bool");
  body.output(body.node("Add", [state, body.node("Tanh", [out])]), ["N", 4, 8, 8]);
  const times = g.initializer("times", int64([], [3]));
  const yes = g.initializer("yes", fromNumbers("bool", [], [1]));
  const looped = g.node("Loop", [times, yes, x], { body: body.graph("body") });
  classify(g, convNorm(g, convNorm(g, looped, "conv3", 4, 6), "conv4", 6, 5), 5);
}

/** A running state over the places of a sequence of features. */
function scan(g: GraphBuilder): void {
  const x = g.input("input", ["N", 3, 6]);
  const weight = g.weight([4, 3, 3], undefined, { name: "conv1.weight" });
  const features = g.node("Relu", [g.node("Conv", [x, weight], { pads: [1, 1] })]);
  const second = g.node("Conv", [features, g.weight([5, 4, 1], undefined, { name: "conv2.weight" })]);
  const steps = transpose(g, second, [2, 0, 1]); // [6, N, 5]
  const first = g.node("Gather", [steps, g.initializer("start", int64([], [0]))], { axis: 0 });
  const body = graphBuilder("body_");
  const state = body.input("body_state", ["N", 5]);
  const step = body.input("body_step", ["N", 5]);
  const next = body.node("Add", [body.node("Mul", [state, body.weight([], [0.7])]), step]);
  body.output(next, ["N", 5]);
  body.output(body.node("Tanh", [next]), ["N", 5]);
  const [last] = g.nodes("Scan", [first, steps], 2, { body: body.graph("body"), num_scan_inputs: 1 });
  const hidden = g.node("Relu", [dense(g, last!, "fc", 5, 7)]);
  g.output(dense(g, hidden, "head", 7, 3), ["N", 3]);
}

export const controlFlow: readonly Architecture[] = [
  architecture("If", branches, {
    locked: { head: "graph output", "conv2.conv": "the body of If reads it" },
    share: 0.6,
  }),
  architecture("Loop", loop, {
    locked: { head: "graph output", "conv2.conv": "the body of Loop computes with it" },
    share: 0.6,
  }),
  architecture("Scan", scan, {
    locked: { head: "graph output", conv2: "the body of Scan computes with it" },
    share: 0.5,
  }),
];
