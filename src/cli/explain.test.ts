/** @file `inspect --explain`: as text, as JSON, and for names that are none. */
import { join } from "node:path";
import { expect, test } from "vitest";
import { graphBuilder } from "../../test/helpers/build.ts";
import { command, documentOf, temporaryFolder } from "../../test/helpers/command.ts";
import { conv, head, relu } from "../../test/helpers/networks.ts";

const lenet = join(import.meta.dirname, "../../assets/lenet5-mnist.onnx");
const folder = temporaryFolder();

function residual(): string {
  const g = graphBuilder();
  const x = relu(g, conv(g, g.input("x", ["N", 3, 6, 6]), "c1", 3, 4));
  head(g, g.node("Add", [x, conv(g, x, "c2", 4, 4)], {}, { name: "sum" }), 4);
  return folder.model("residual.onnx", g.build());
}

test("text: the nodes from one layer to the next, a line each", async () => {
  const { code, out } = await command(["inspect", residual(), "--explain", "c1"]);
  expect(code).toBe(0);
  expect(out.split("\n")).toEqual([
    "c1: 4 channels, all removable",
    "c1 makes them first (c1)",
    "",
    'c2 with c1: Add "sum" takes them position by position along axis 1',
    '     Conv "c1"',
    '  -> Relu "relu_1"',
    '  -> Add "sum": ties',
    '  <- Conv "c2"',
  ]);
});

test("a layer's name means the group it is in", async () => {
  const path = residual();
  const byLayer = await documentOf<{ explanation: { id: string } }>(["inspect", path, "--explain", "c2"]);
  const byGroup = await documentOf<{ explanation: object }>(["inspect", path, "--explain", "c1"]);
  expect(byLayer.explanation).toEqual(byGroup.explanation);
  expect(byLayer.explanation.id).toBe("c1");
});

test("JSON has an explanation only where one was asked for", async () => {
  const asked = await documentOf<object>(["inspect", lenet, "--explain", "out"]);
  expect(asked).toMatchObject({
    explanation: {
      id: "out",
      links: [],
      locks: [{ node: "graph output", reason: 'it is the graph output "logits"', channels: 10 }],
    },
  });
  expect(await documentOf<object>(["inspect", lenet])).not.toHaveProperty("explanation");
});

test("what holds a locked group is told with the number of its channels", async () => {
  const { out } = await command(["inspect", lenet, "--explain", "out"]);
  expect(out).toContain("out: 10 channels, 0 removable");
  expect(out).toContain('10 channels have to stay: it is the graph output "logits"');
});

test("an unknown group is a usage mistake that names near ones", async () => {
  const { code, err, out } = await command(["inspect", lenet, "--explain", "c11"]);
  expect([code, out]).toEqual([2, ""]);
  expect(err).toMatch(/unknown-group.*--explain: "c11".*nearest names: c1/);
});
