/** @file One game for each group against one game of all groups, at the same rows together. */
import type { PruneResult } from "../../src/pipeline/prune-result.ts";
import { cifarFiles, mnistFiles } from "../places.ts";
import { type Study, type StudyTable, spread } from "../study.ts";
import type { Workshop } from "../workshop.ts";
import { cifarOptions } from "./resnet-cifar.ts";
import { stageAccuracies } from "./stages.ts";
import { trainedLenet } from "./trained-lenet.ts";

const seeds = [0, 1, 2];

/** Whose channels play together, and which coalitions count. */
const ways = [
  { title: "a game for each group", flags: ["--estimator", "permutation"] },
  { title: "one game of all groups", flags: ["--players", "joint"] },
  { title: "a game for each group, at least 85% of channels kept", flags: ["--weighting", "0.85-1"] },
  {
    title: "one game of all groups, at least 85% of channels kept",
    flags: ["--players", "joint", "--weighting", "0.85-1"],
  },
] as const;

type Way = (typeof ways)[number];

interface Subject {
  readonly name: string;
  readonly title: string;
  /** Rows for each group; a joint game has those of all groups. */
  readonly rows: number;
  readonly ways: readonly Way[];
  argv(workshop: Workshop, seed: number): Promise<readonly (string | number)[]>;
}

export const jointLenetStudy = studyOf(
  {
    name: "LeNet-5",
    title: "LeNet-5, 20,000 rows over 4 groups, one network for each seed",
    rows: 5000,
    ways,
    async argv(workshop, seed) {
      const { path } = await trainedLenet(workshop, seed);
      const images = workshop.place("train-images-idx3-ubyte");
      const test = workshop.place("t10k-images-idx3-ubyte");
      return [path, "--data", images, "--test-data", test, "--pixel-scale", 255];
    },
  },
  { minutes: 4, needs: mnistFiles },
);

export const jointResnetStudy = studyOf(
  {
    name: "ResNet-20",
    title: "ResNet-20, channels inside the blocks, 14,400 rows over 9 groups",
    rows: 1600,
    ways: ways.slice(0, 2),
    async argv(workshop) {
      const path = workshop.place("resnet20-cifar10.onnx");
      const few = ["--ignore", "conv1", "--payoff", "agreement", "--limit", 1500];
      return [path, ...cifarOptions(workshop), ...few];
    },
  },
  { minutes: 6, needs: [...cifarFiles, "resnet20-cifar10.onnx"] },
);

function studyOf(subject: Subject, { minutes, needs }: Pick<Study, "minutes" | "needs">): Study {
  return {
    title: `${subject.name}: one game of all groups against a game for each group`,
    plan: `Removes half of the MACs of ${subject.name} by Shapley values of channels that play group by group and all together, at the same rows, with ${seeds.length} seeds, and repairs.`,
    minutes,
    needs,
    run: async (workshop) => ({
      tables: [await tableOf(workshop, subject)],
      checks: [],
      remarks: [
        `Accuracy in per cent on test examples that no step was given, at 50% of the MACs; means over ${seeds.length} seeds, lowest and highest in brackets. Channels of all groups are weighed against each other by value for the MACs they cost. A row of the joint game runs the network from its first group on, a row of a group's own game only what comes behind that group, so that equal rows are not equal work.`,
      ],
    }),
  };
}

async function tableOf(workshop: Workshop, subject: Subject): Promise<StudyTable> {
  const rows = [];
  for (const way of subject.ways) {
    const results: PruneResult[] = [];
    for (const seed of seeds) results.push(await pruned(workshop, subject, way, seed));
    const left = results.map(({ before, after }) => (100 * after.parameters) / before.parameters);
    rows.push([way.title, spread(left, 0), ...stageAccuracies(results)]);
  }
  return {
    title: subject.title,
    columns: ["who plays", "parameters left, %", "before", "after the cut", "repaired"],
    rows,
    notes: [],
  };
}

async function pruned(
  workshop: Workshop,
  subject: Subject,
  { title, flags }: Way,
  seed: number,
): Promise<PruneResult> {
  const piece = `${title.replaceAll(/[^a-z0-9]+/g, "-")}_${seed}`;
  const argv = await subject.argv(workshop, seed);
  const { document } = await workshop.command<PruneResult>(piece, [
    ...["prune", ...argv, "--target-macs", "50%", "--budget", subject.rows, ...flags],
    ...["--no-latency", "--seed", seed, "--out", workshop.file(`${piece}.onnx`)],
  ]);
  return document;
}
