/** @file What a user's program may look like; check-package.ts compiles it against the packed package and runs it. */
import { analyzeChannels, type Game, PrunerError, readModelFile } from "shapley-pruner";
import { type Estimate, estimators } from "shapley-pruner/estimators";
import { additiveGame } from "shapley-pruner/games";

const weights = [3, 1, 2];
const game: Game = additiveGame(weights);
let last: Estimate | undefined;
for await (const estimate of estimators.permutation.run(game, { budget: { rows: 600 }, seed: 1 }))
  last = estimate;
if (last === undefined || last.values.some((value, player) => Math.abs(value - weights[player]!) > 1e-9))
  throw new Error(`values ${last?.values} where ${weights} were due`);

const { groups } = analyzeChannels(await readModelFile(process.argv[2]!));
const prunable = groups.filter(({ locked }) => !locked).map(({ id, channels }) => `${id}: ${channels}`);
if (prunable.length === 0) throw new Error("no group that may lose channels");

const missing = await readModelFile("no-such-file.onnx").then(
  () => undefined,
  (error: unknown) => error,
);
if (!(missing instanceof PrunerError) || missing.code !== "file-not-found") throw new Error(String(missing));
console.log(prunable.join(", "));
