/** @file What the networks of single operators have in common. */
import type { Model } from "../../../src/graph/model.ts";
import { type GraphBuilder, graphBuilder } from "../build.ts";
import { conv, head } from "../networks.ts";

export interface OperatorNetwork {
  readonly opType: string;
  /** Part of the reason why the channels in front stay; absent where they may go. */
  readonly locked?: string;
  readonly build: () => Model;
}

interface Options {
  readonly opset?: number;
  readonly domain?: string;
  readonly locked?: string;
}

export const own = { domain: "com.microsoft" } as const;

/** @param draw From the map [N, 6, 6, 6] to another one. Its channels are counted by whoever reads them. */
export function operator(
  opType: string,
  draw: (g: GraphBuilder, x: string) => string,
  { opset = 20, domain = "", locked }: Options = {},
  channels = 6,
): OperatorNetwork {
  const build = () => {
    const g = graphBuilder();
    const front = conv(g, g.input("x", ["N", 3, 6, 6]), "front", 3, 6);
    head(g, conv(g, draw(g, front), "back", channels, 4), 4);
    return g.build({ opset, ...(domain !== "" && { opsets: { [domain]: 1 } }) });
  };
  return {
    opType: `${domain}${domain === "" ? "" : "."}${opType}`,
    build,
    ...(locked !== undefined && { locked }),
  };
}

export const scalar = (g: GraphBuilder, value: number) => g.weight([], [value]);
export const scalar1 = (g: GraphBuilder, value: number) => g.weight([1], [value]);
export const halved = (g: GraphBuilder, x: string) => g.node("Sigmoid", [x]);
export const asFloat = (g: GraphBuilder, x: string) => g.node("Cast", [x], { to: 1 });
export const positive = (g: GraphBuilder, x: string) => g.node("Greater", [x, scalar(g, 0)]);
export const wholes = (g: GraphBuilder, x: string) =>
  g.node("Cast", [g.node("Mul", [halved(g, x), scalar(g, 9)])], { to: 7 });
