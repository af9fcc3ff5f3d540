/** @file Explanations as people see them. */
import { expect, test } from "vitest";
import type { ChainStep } from "../channels/chains.ts";
import { explanationText } from "./explanation.ts";

const step = (opType: string, node: string, more: Partial<ChainStep> = {}): ChainStep => ({
  opType,
  node,
  move: null,
  tie: null,
  tied: [],
  next: "forward",
  ...more,
});

test("links, pairings, balances and locks, each with what they say of nodes and numbers", () => {
  const text = explanationText({
    id: "c1",
    channels: 6,
    fixedChannels: 1,
    first: { layer: "c1", node: "conv_1" },
    links: [
      {
        layer: "c2",
        tiedTo: "c1",
        chain: [
          step("Pad", "pad", { move: { kind: "offset", by: 8 } }),
          step("Add", "Add -> sum", { tie: "meet", tied: [{ value: "x", axis: 1 }], next: "backward" }),
          step("Conv", "conv_2", { next: null }),
        ],
      },
      {
        layer: "c3",
        tiedTo: "c1",
        chain: [step("Conv", "a", { next: "beside" }), step("Conv", "b", { next: null })],
      },
    ],
    pairings: [
      {
        layer: "c2",
        positions: [0, 3],
        chain: [
          step("Reshape", "fold", { tie: "rectangle", move: { kind: "repeat", times: 2 }, next: null }),
        ],
      },
    ],
    balances: [{ node: "grouped", blocks: 2 }],
    locks: [{ node: "foo", reason: "Foo does not hand it on", channels: 1 }],
  });
  expect(text.split("\n")).toEqual([
    "c1: 7 channels, 6 removable",
    "c1 makes them first (conv_1)",
    "",
    "c2 with c1: Add -> sum takes them position by position along axis 1",
    '     Pad "pad": offsets by 8',
    "  -> Add -> sum: ties",
    '  <- Conv "conv_2"',
    "",
    "c3 with c1: both use one weight",
    '     Conv "a"',
    '  -- Conv "b"',
    "",
    'c2, outputs 0 and 3: Reshape "fold" spreads them over several axes, from which whole rows go together',
    '     Reshape "fold": repeats each 2 times, ties',
    "",
    "grouped wants equally many in each of its 2 blocks",
    "1 channel has to stay: Foo does not hand it on (foo)",
  ]);
});
