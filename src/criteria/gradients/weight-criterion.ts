/** @file What criteria of single weights have in common: a number per weight, folded into the channels the weights make. */
import type { ChannelAnalysis } from "../../channels/groups.ts";
import { toNumbers } from "../../tensor/tensor.ts";
import { type Criterion, type CriterionContext, gradientsOf, groupOf } from "../criterion.ts";
import { filterBanks, rowsAlong, sumOverBanks } from "../filters.ts";
import type { GradientSource } from "./source.ts";
import type { WeightValues } from "./weight-gradients.ts";

/** A number for every weight. */
export interface WeightRule {
  readonly name: string;
  readonly needs: "weights" | "gradients";
  /** @param source There for rules that need gradients. */
  readonly values: (analysis: ChannelAnalysis, source: GradientSource | undefined) => Promise<WeightValues>;
}

interface Description extends Pick<Criterion, "title" | "reference" | "description"> {
  /** From the sum over one filter to what the filter adds to its channel; the sum itself when left out. */
  readonly ofFilter?: (sum: number) => number;
}

/** A criterion that sums a rule's numbers over the filters that make a channel, one filter per producer. */
export function weightCriterion(rule: WeightRule, { ofFilter, ...texts }: Description): Criterion {
  return {
    ...texts,
    needs: rule.needs,
    score: async (context) => {
      const values = await rule.values(context.analysis, sourceFor(rule, context));
      return filterSums(context, values, ofFilter ?? ((sum) => sum));
    },
  };
}

function sourceFor({ name, needs }: WeightRule, context: CriterionContext): GradientSource | undefined {
  return needs === "gradients" ? gradientsOf(context, name) : undefined;
}

function filterSums(
  context: CriterionContext,
  values: WeightValues,
  ofFilter: (sum: number) => number,
): Float64Array {
  const { initializers } = context.analysis.model.graph;
  const banks = filterBanks(context.analysis, context.group);
  const rows = new Map(
    banks.map((bank) => [
      bank,
      rowsAlong(values.get(bank.value)!, initializers.get(bank.value)!.shape, bank.axis),
    ]),
  );
  return sumOverBanks(banks, groupOf(context).channels, (bank, filter) => {
    let sum = 0;
    for (let k = filter * bank.size; k < (filter + 1) * bank.size; k++) sum += rows.get(bank)![k]!;
    return ofFilter(sum);
  });
}

/** Combines each weight with a number that belongs to it. */
export function weighed(
  { model }: ChannelAnalysis,
  values: WeightValues,
  combine: (weight: number, value: number) => number,
): WeightValues {
  return new Map(
    [...values].map(([name, own]) => {
      const weights = toNumbers(model.graph.initializers.get(name)!.load());
      return [name, own.map((value, k) => combine(weights[k]!, value))];
    }),
  );
}
