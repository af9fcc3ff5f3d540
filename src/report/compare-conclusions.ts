/** @file What can be said about methods, computed from their contrasts. */
import { metrics } from "../metrics/index.ts";
import type { CompareEntry, CompareRecord, Contrast } from "./compare-records.ts";
import { duration, short, whole } from "./format.ts";

type Found = Pick<CompareRecord, "contrasts" | "entries" | "seeds" | "payoff" | "examples">;

/**
 * Sentences about every method that has contrasts: to whom it lost, whom it is ahead of, from whom it cannot be told,
 * and what everybody cost. Nobody is called better within the noise.
 */
export function conclusionsOf(found: Found): string[] {
  const { contrasts, seeds } = found;
  if (seeds.length === 1)
    return [
      "One seed says nothing about noise, so no method is called better than another. Give --seeds 5 or more.",
      costs(found),
    ];
  if (contrasts.length === 0) return [costs(found)];
  const subjects = [...new Set(contrasts.map((one) => labelOf(one.first, one.budget)))];
  return [...subjects.flatMap((subject) => verdictsOn(found, subject)), costs(found), howItWasTold(found)];
}

/** A method with its budget. @example labelOf("shapley", 20000); // "shapley (20,000 rows)" */
export function labelOf(name: string, budget: number | null): string {
  return budget === null ? name : `${name} (${whole(budget)} rows)`;
}

/** What is said of one method at one budget. */
function verdictsOn(found: Found, subject: string): string[] {
  const own = found.contrasts.filter((one) => labelOf(one.first, one.budget) === subject);
  const rivals = [...new Set(own.map(({ second }) => second))];
  const against = (rival: string, verdict: Contrast["verdict"]) =>
    own.filter((one) => one.second === rival && one.verdict === verdict);
  const told = (verdict: "ahead" | "behind", words: string) =>
    rivals.flatMap((rival) => {
      const all = against(rival, verdict);
      if (all.length === 0) return [];
      return [`${subject} ${words} ${rival}: ${all.map((one) => amount(found, one)).join("; ")}.`];
    });
  const open = rivals.filter((rival) =>
    own.every((one) => one.second !== rival || one.verdict === "within noise"),
  );
  const untold =
    open.length === 0
      ? []
      : [
          `${subject} cannot be told from ${listed(open)}: every difference is within the noise of ${found.seeds.length} seeds.`,
        ];
  return [...told("behind", "lost to"), ...told("ahead", "is ahead of"), ...untold];
}

/** By how much, without a sign: the verdict says whose favour it is. */
function amount({ payoff }: Found, { measure, difference, interval }: Contrast): string {
  const turned = difference < 0 ? [-interval[1], -interval[0]] : interval;
  const values = [Math.abs(difference), ...turned];
  const isAccuracy = measure.startsWith("accuracy");
  const [by, low, high] = values.map((value) => short(isAccuracy ? 100 * value : value, 3));
  const unit = isAccuracy ? "points" : measure.startsWith("area") ? metrics[payoff].unit : "of loss";
  return `${measure} by ${by} ${unit} (95% interval ${low} to ${high})`;
}

function costs({ entries }: Pick<Found, "entries">): string {
  const known = entries.filter(({ runs }) => runs.length > 0);
  return `A ranking of all groups took: ${known.map(costOf).join("; ")}.`;
}

function costOf({ name, budget, runs }: CompareEntry): string {
  const mean = (of: (run: (typeof runs)[number]) => number) =>
    runs.reduce((sum, run) => sum + of(run), 0) / runs.length;
  const rows = mean((run) => run.rows);
  const spent = rows === 0 ? "no rows" : `${whole(rows)} rows`;
  return `${labelOf(name, budget)} ${spent} and ${duration(mean(({ seconds }) => seconds))}`;
}

function howItWasTold({ contrasts, seeds, examples }: Found): string {
  const hasNetworks = contrasts.some(({ measure }) => !measure.startsWith("area"));
  const shared = hasNetworks
    ? `, for whole networks with the noise of the ${whole(examples.evaluate)} examples as well`
    : "";
  return `Differences are paired over ${seeds.length} seeds (Student's t${shared}). A difference counts only where the chance of any false verdict in this record, over all ${contrasts.length} comparisons together, stays within 5% (Holm); the 95% intervals are of each difference alone.${seeds.length < 5 ? " So few seeds tell apart large differences only: --seeds 5 or more tells more." : ""}`;
}

/** @example listed(["a", "b", "c"]); // "a, b and c" */
function listed(names: readonly string[]): string {
  return names.length < 2 ? names.join("") : `${names.slice(0, -1).join(", ")} and ${names.at(-1)}`;
}
