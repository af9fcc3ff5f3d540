/** @file Values that rankings are compared with: very long runs, kept in bench/results/references between benchmarks. */
import { createHash } from "node:crypto";
import { mkdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import { readBytes, writeAtomically } from "../../src/base/atomic-file.ts";
import { type EstimatorName, estimators } from "../../src/estimators/index.ts";
import type { NetworkGame } from "../../src/valuation/network-game.ts";
import type { NetworkSettings } from "../networks.ts";

const folder = join(import.meta.dirname, "../results/references");
/** No benchmark draws with this one. */
const seed = 99;

interface Kept {
  readonly conditions: object;
  readonly values: readonly number[];
}

export interface ReferenceOf {
  readonly settings: NetworkSettings;
  readonly group: string;
  readonly rows: number;
  /** Default permutation. */
  readonly estimator?: EstimatorName;
}

/**
 * Shapley values from a run of `rows` rows under the default payoff, shape [players]; read where a run under the same
 * conditions is kept, else computed.
 */
export async function referenceValues(
  game: NetworkGame,
  { settings, group, rows, estimator = "permutation" }: ReferenceOf,
): Promise<Float64Array> {
  const { model, data, options } = settings;
  const { players, examples, method } = game;
  const conditions = {
    model: await fileHash(model),
    data: await fileHash(data),
    options,
    ...{ group, players, examples, method, payoff: "cross-entropy", estimator, rows, seed },
  };
  const key = createHash("sha256").update(JSON.stringify(conditions)).digest("hex").slice(0, 16);
  const path = join(folder, `${group}-${rows}-${key}.json`);
  const text = await readFile(path, "utf8").catch(() => undefined);
  if (text !== undefined) return Float64Array.from((JSON.parse(text) as Kept).values);
  console.log(`  a reference of ${rows.toLocaleString("en")} rows for ${group} ...`);
  let values = new Float64Array(players);
  for await (const estimate of estimators[estimator].run(game, { budget: { rows }, seed }))
    values = estimate.values as Float64Array<ArrayBuffer>;
  await mkdir(folder, { recursive: true });
  const kept: Kept = { conditions, values: [...values] };
  await writeAtomically(path, `${JSON.stringify(kept, undefined, 1)}\n`);
  return values;
}

async function fileHash(path: string): Promise<string> {
  return createHash("sha256")
    .update(await readBytes(path))
    .digest("hex");
}
