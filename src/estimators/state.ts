/** @file Saves and restores a run as plain JSON. */
import { PrunerError } from "../base/problem.ts";
import type { Game } from "../games/game.ts";
import type { EstimatorState } from "./estimator.ts";
import type { Sums } from "./scheme.ts";

/** Little-endian doubles in base64. */
export function encodeDoubles(values: Float64Array): string {
  const bytes = Buffer.alloc(values.length * 8);
  values.forEach((value, k) => {
    bytes.writeDoubleLE(value, k * 8);
  });
  return bytes.toString("base64");
}

export function decodeDoubles(text: string): Float64Array {
  const bytes = Buffer.from(text, "base64");
  return Float64Array.from({ length: bytes.length / 8 }, (_, k) => bytes.readDoubleLE(k * 8));
}

export function encodeSums(sums: Sums): Record<string, string> {
  return Object.fromEntries(Object.entries(sums).map(([name, values]) => [name, encodeDoubles(values)]));
}

export function decodeSums(sums: EstimatorState["sums"]): Sums {
  return Object.fromEntries(Object.entries(sums).map(([name, text]) => [name, decodeDoubles(text)]));
}

/**
 * Makes sure that a saved state belongs to this run.
 * @throws {PrunerError} `resume-mismatch` naming the first field that differs.
 */
export function requireSameRun(
  saved: EstimatorState,
  estimator: string,
  seed: number,
  game: Game,
  layout: EstimatorState["layout"],
): void {
  const compare = (field: string, old: unknown, now: unknown): void => {
    if (old !== now)
      throw new PrunerError("resume-mismatch", { field, saved: String(old), got: String(now) });
  };
  compare("version", saved.version, 1);
  compare("estimator", saved.estimator, estimator);
  compare("seed", saved.seed, seed);
  compare("number of players", saved.players, game.players);
  compare("number of examples", saved.examples, game.examples);
  for (const key of Object.keys(layout)) compare(key, saved.layout[key], layout[key]);
}
