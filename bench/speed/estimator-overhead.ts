/** @file What estimators cost by themselves: time per row beyond that of a game that costs next to nothing. */
import { estimators } from "../../src/estimators/index.ts";
import { additiveGame, type Game } from "../../src/games/index.ts";
import type { Benchmark } from "../record.ts";
import { ratios, spreadText, takeTurns } from "../statistics.ts";

const players = 100;
const rows = 200_000;
const rounds = 5;
const sampling = [
  "permutation",
  "stratified",
  "shrinkage",
  "permutation-whole",
  "kernel-shap",
  "leverage",
  "ols-uniform",
  "simshap",
  "owen",
] as const;

export const estimatorOverhead: Benchmark = {
  title: "Overhead of the estimators",
  how: `An additive game of ${players} players, ${rows.toLocaleString("en")} rows, in turns with asking the game alone for as many rows; ${rounds} rounds. Microseconds per row.`,
  minutes: 0.5,
  async run() {
    const game = additiveGame(Float64Array.from({ length: players }, (_, i) => i / players));
    const lines = [];
    for (const name of sampling) {
      const seconds = await takeTurns({ run: () => drain(name, game), game: () => askOnly(game) }, rounds);
      const micros = (times: readonly number[]) => times.map((s) => (1e6 * s) / rows);
      const beyond = seconds.run.map((s, round) => s - seconds.game[round]!);
      lines.push({
        estimator: name,
        "whole run": spreadText(micros(seconds.run)),
        "game alone": spreadText(micros(seconds.game)),
        "estimator's share": spreadText(micros(beyond)),
        "times the game": spreadText(ratios(seconds.run, seconds.game), 1),
      });
    }
    return { rows: lines, claims: [] };
  },
};

async function drain(name: (typeof sampling)[number], game: Game): Promise<void> {
  for await (const _ of estimators[name].run(game, { budget: { rows }, seed: 1 })) void _;
}

async function askOnly(game: Game): Promise<void> {
  const perCall = 2000;
  const masks = new Uint8Array(perCall * players); // its cost does not depend on what the masks hold
  const examples = new Uint32Array(perCall);
  for (let asked = 0; asked < rows; asked += perCall) await game.values(masks, examples);
}
