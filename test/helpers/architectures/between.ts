/** @file Small networks around one pattern: a layer in front of it, the pattern on eight channels, a layer behind it. */
import type { GraphBuilder } from "../build.ts";
import { type Architecture, type ArchitectureOptions, architecture } from "./architecture.ts";
import { activate, classify, conv, image } from "./layers.ts";

export interface BetweenOptions extends ArchitectureOptions {
  /** Channels that leave the pattern; 8 when left out. */
  readonly channels?: number;
}

/** @param draw From the map [N, 8, 6, 6] to another one. */
export function between(
  name: string,
  draw: (g: GraphBuilder, x: string) => string,
  { channels = 8, ...options }: BetweenOptions = {},
): Architecture {
  const relu = (g: GraphBuilder, x: string) => activate(g, x, "relu");
  const whole = (g: GraphBuilder) => {
    const inner = draw(g, relu(g, conv(g, image(g, 6), "front", 3, 8)));
    classify(g, relu(g, conv(g, inner, "back", channels, 5)), 5);
  };
  return architecture(name, whole, options);
}
