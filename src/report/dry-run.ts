/** @file A dry run as people read it. */
import type { DryRun, PlannedComparison, PlannedStage } from "./dry-run-records.ts";
import { bytes, compact, duration, percent, whole } from "./format.ts";
import { table } from "./table.ts";

/** Groups that are listed one by one; of more the first ones are. */
const listed = 40;

/** @param writes Files the run would write. */
export function dryRunText(plan: DryRun, writes: readonly string[]): string {
  const parts = [groupsText(plan), settingsText(plan), stagesText(plan), endText(plan, writes)];
  return parts.filter((part) => part !== "").join("\n\n");
}

function groupsText({ groups, rounds }: DryRun): string {
  if (groups.length === 0) return "";
  const removes = rounds !== null;
  const rows = groups
    .slice(0, listed)
    .map(({ id, channels, kept, rows }) => [
      id,
      whole(channels),
      ...(removes ? [kept === null ? "by score" : whole(kept)] : []),
      rows === null ? "" : whole(rows),
    ]);
  const head = ["group", "channels", ...(removes ? ["stay"] : []), "rows"];
  const more = groups.length > listed ? [`and ${groups.length - listed} more groups`] : [];
  return [table(head, rows), ...more].join("\n");
}

function settingsText(plan: DryRun): string {
  const { before, after, scoring, rounds, examples, training } = plan;
  const lines = [`network   ${compact(before.macs)} MACs, ${compact(before.parameters)} parameters`];
  if (after !== null) {
    const { macs, parameters, isExact } = after;
    const share = percent(macs / before.macs, 1);
    lines.push(
      `left      ${isExact ? "" : "about "}${compact(macs)} MACs (${share}), ${compact(parameters)} parameters${isExact ? "" : ", by the targets; the scores decide"}`,
    );
  }
  if (scoring !== null) {
    const { criterion, estimator, players, payoff } = scoring;
    const how = [estimator, players === "joint" && "one game of all", payoff].filter(Boolean).join(", ");
    lines.push(`scores    ${criterion}${how === "" ? "" : ` (${how})`}`);
  }
  if (plan.comparison !== undefined) lines.push(...comparisonLines(plan.comparison));
  const ends = Object.entries(examples).map(([end, count]) => `${whole(count)} ${end}`);
  if (ends.length > 0) lines.push(`examples  ${ends.join(", ")}`);
  if (rounds !== null && rounds !== 1) lines.push(`rounds    ${whole(rounds)} at the most`);
  if (training !== null) {
    const { epochs, stepsPerEpoch, batch, teacher } = training;
    lines.push(
      `training  ${epochs} epochs of ${whole(stepsPerEpoch)} steps of ${batch} examples${placeOf(plan)}${teacher ? ", with a teacher" : ""}`,
    );
  }
  return lines.join("\n");
}

/** Where training happens, if in more than one place. */
function placeOf({ rounds, comparison }: DryRun): string {
  if (comparison !== undefined) return " for each network";
  return rounds !== null && rounds > 1 ? " in each round" : "";
}

function comparisonLines({ payoff, rankings, seeds, rows, shares, networks }: PlannedComparison): string[] {
  const each = `${whole(rankings.length)} rankings × ${counted(seeds, "seed")}`;
  const gone = shares.map((share) => percent(share, 0)).join(", ");
  return [
    `rankings  ${rankings.join(", ")}`,
    `rows      ${whole(rows)} in all (${each}, references and curves; ${payoff})`,
    ...(networks === 0 ? [] : [`cut       ${counted(networks, "network")}, ${gone} of every group gone`]),
  ];
}

function counted(count: number, noun: string): string {
  return `${whole(count)} ${noun}${count === 1 ? "" : "s"}`;
}

function stagesText({ stages }: DryRun): string {
  if (stages.length === 0) return "";
  const amount = ({ amount, unit }: PlannedStage) => (amount === null ? "" : `${whole(amount)} ${unit}`);
  return table(
    ["work", "amount", "MACs", "time"],
    stages.map((stage) => [
      stage.name,
      amount(stage),
      stage.macs === null ? "" : compact(stage.macs),
      duration(stage.seconds),
    ]),
  );
}

function endText({ seconds, workers, memoryBytes, notes }: DryRun, writes: readonly string[]): string {
  const threads = `${workers} ${workers === 1 ? "thread" : "threads"}`;
  return [
    `All in all about ${duration(seconds)} on ${threads}, judged by a short trial on this machine; ${bytes(memoryBytes)} of activations.`,
    ...notes,
    writes.length === 0 ? "It would write no files." : `It would write ${writes.join(", ")}.`,
    "Nothing was written.",
  ].join("\n");
}
