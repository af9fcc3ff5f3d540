/** @file Payoff as channels go from either end of many rankings of a group, every coalition evaluated once. */
import { createHash } from "node:crypto";
import { mapInOrder } from "../base/map-in-order.ts";
import { type CompareBench, gameKey, payoffOn, type Stage, workOf } from "./compare-bench.ts";
import { wholeGameOf } from "./oracle-table.ts";

/** Payoffs of the network along one ranking, each [sizes]. */
export interface Curves {
  readonly lowestGone: readonly number[];
  readonly highestGone: readonly number[];
}

/** Coalitions asked for in one call. */
const perCall = 16;

/**
 * Curves of all rankings of a group on the curve examples of a seed.
 * @param position Of the seed among the seeds; @param place Of the group among those compared.
 * @param orders Channels from the most to the least valuable, ranking by ranking.
 * @returns Shape [orders].
 */
export async function curvesOf(
  bench: CompareBench,
  position: number,
  place: number,
  orders: readonly (readonly number[])[],
  stage: Stage,
): Promise<Curves[]> {
  const group = bench.groups[place]!;
  const sizes = bench.sizes[place]!;
  const { channels } = bench.analysis.groups[group]!;
  const wanted = orders.map((order) => ({
    lowest: sizes.map((gone) => maskOf(order.slice(0, channels - gone), channels)),
    highest: sizes.map((gone) => maskOf(order.slice(gone), channels)),
  }));
  const masks = [...new Set(wanted.flatMap(({ lowest, highest }) => [...lowest, ...highest]))];
  const payoffs = await payoffsOf(bench, position, group, masks, stage);
  const worth = new Map(masks.map((mask, k) => [mask, payoffs[k]!]));
  return wanted.map(({ lowest, highest }) => ({
    lowestGone: lowest.map((mask) => worth.get(mask)!),
    highestGone: highest.map((mask) => worth.get(mask)!),
  }));
}

/** A coalition as text, a digit for each channel. */
function maskOf(members: readonly number[], channels: number): string {
  const mask = new Uint8Array(channels);
  for (const member of members) mask[member] = 1;
  return mask.join("");
}

/**
 * Payoffs of coalitions, all of them or, where the folder of pieces has them, none. They are evaluated in one go and in
 * one order: what is evaluated together can decide a last digit.
 */
function payoffsOf(
  bench: CompareBench,
  position: number,
  group: number,
  masks: readonly string[],
  stage: Stage,
): Promise<readonly number[]> {
  const dataset = bench.parts.curves[position]!;
  const { analysis, runner, options, payoff: kind } = bench;
  const coalitions = createHash("sha256").update(masks.join()).digest("hex");
  const key = { kind: "curves", coalitions, ...gameKey(bench, [group], dataset, kind) };
  return bench.pieces.piece(key, async () => {
    const work = workOf(bench, stage);
    const payoff = await payoffOn(bench, dataset, kind);
    const { activations } = options;
    const setting = { analysis, group, dataset, payoff, runner, activations };
    const game = await wholeGameOf(setting, { ...work, memory: options.memory });
    const calls = Array.from({ length: Math.ceil(masks.length / perCall) }, (_, k) =>
      masks.slice(k * perCall, (k + 1) * perCall),
    );
    const ask = (call: readonly string[]) =>
      game.means(Uint8Array.from(call.join(""), Number), { signal: options.signal });
    const payoffs: number[] = [];
    try {
      for await (const means of mapInOrder(calls, ask, 2 * runner.workers)) {
        payoffs.push(...means);
        work.onProgress?.({
          label: analysis.groups[group]!.id,
          done: payoffs.length,
          total: masks.length,
          unit: "coalitions",
          each: { count: game.examples, unit: "rows" },
        });
      }
    } finally {
      await game.close();
    }
    return payoffs;
  });
}
