/** @file What the suite of architectures knows of each: how it is built, and what has to stay. */
import type { Model } from "../../../src/graph/model.ts";
import { type BuildOptions, type GraphBuilder, graphBuilder } from "../build.ts";

export interface Architecture {
  readonly name: string;
  readonly build: () => Model;
  /** Every group from which not all channels may go, by its id, with a part of the reason. */
  readonly locked: Readonly<Record<string, string>>;
  /** The least share of parameters that belong to removable channels. */
  readonly share: number;
  /** Allowed difference relative to the largest output, where 1e-4 cannot be had. */
  readonly tolerance?: number;
}

export interface ArchitectureOptions extends BuildOptions {
  readonly locked?: Readonly<Record<string, string>>;
  readonly share?: number;
  readonly tolerance?: number;
}

/** What nearly every network ends with: a layer named "head" whose channels are the answer. */
export const headLocked = { head: "it is the graph output" } as const;

/** One architecture; `draw` adds its layers. Nine tenths of its parameters are prunable unless it says otherwise. */
export function architecture(
  name: string,
  draw: (g: GraphBuilder) => void,
  options: ArchitectureOptions = {},
): Architecture {
  const { locked = headLocked, share = 0.9, tolerance, ...buildOptions } = options;
  const build = () => {
    const g = graphBuilder();
    draw(g);
    return g.build(buildOptions);
  };
  return { name, build, locked, share, ...(tolerance !== undefined && { tolerance }) };
}
