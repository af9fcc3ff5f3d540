/** @file How well a layer bears the loss of its lowest-ranked units, by many rankings, without repair or tuning. */
import type { CompareEntry, CompareRecord, Spread } from "../../src/report/compare-records.ts";
import { whole } from "../../src/report/format.ts";
import { mnistFiles } from "../places.ts";
import type { Cell, Study, StudyTable } from "../study.ts";
import { trainedLenet } from "./trained-lenet.ts";

const criteria = ["leave-one-out", "l2", "apoz", "sensitivity", "taylor-signed", "mean-activation"];

export const robustnessStudy: Study = {
  title: "How layers bear the loss of units",
  plan: `Ranks every layer of LeNet-5 by ${criteria.length + 7} methods on 1,000 digits, removes units from the lowest end layer by layer, and measures the loss on 1,000 others, with five seeds.`,
  minutes: 10,
  needs: mnistFiles,
  async run(workshop) {
    const { path } = await trainedLenet(workshop, 0);
    const { document } = await workshop.command<CompareRecord>(
      "compare",
      [
        ...["compare", path, "--data", workshop.place("train-images-idx3-ubyte"), "--pixel-scale", 255],
        ...["--criteria", criteria.join(","), "--seeds", 5, "--budget", "20k", "--reference", 0],
        ...["--oracle-channels", 10, "--curve-examples", 1000, "--points", 25, "--no-network"],
        ...["--seed", 0, "--out", workshop.file("record.json")],
      ],
      { reads: [path] },
    );
    return {
      tables: [areaTable(document)],
      checks: [],
      remarks: [
        `The protocol of Ancona, Öztireli and Gross ("Shapley Value as Principled Metric for Structured Network Pruning", 2020, arXiv:2006.01795) on our LeNet-5: nothing is repaired or tuned. Their logs give, for VGG-16 on CIFAR-10, 0.35 for Shapley values, 0.31 for their mean plus two deviations, 0.47 for weight norm, sensitivity and Taylor, 0.48 for random, 0.56 for the share of non-zero activations and 0.64 for signed Taylor: another network, other data, and an area per unit that need not be scaled as ours.`,
        document.conclusions.map((sentence) => `- ${sentence}`).join("\n"),
      ],
    };
  },
};

/** Area by group, means over seeds with standard deviations. */
function areaTable({ entries, groups, examples, seeds }: CompareRecord): StudyTable {
  const measured = entries.filter(({ summary }) => summary !== null);
  return {
    title: `Loss gained while units go from the lowest end, averaged over all numbers of units (nats; lower is better); each seed ranks on ${whole(examples.rank / seeds.length)} digits and measures on ${whole(examples.curves / seeds.length)} others`,
    columns: ["ranking", ...groups.map(({ id, channels }) => `${id} (${channels})`), "all layers", "rows"],
    rows: measured.map((entry) => [
      entry.title,
      ...groups.map(({ id }) => groupArea(entry, id)),
      spreadText(entry.summary!.areaLowest),
      rowsOf(entry),
    ]),
    notes: [`In brackets the standard deviation over ${seeds.length} seeds.`],
  };
}

function groupArea({ runs }: CompareEntry, id: string): Cell {
  const areas = runs.flatMap(({ groups }) =>
    groups.filter((group) => group.id === id).map(({ areaLowest }) => areaLowest),
  );
  if (areas.length === 0) return null;
  const mean = areas.reduce((sum, area) => sum + area, 0) / areas.length;
  const squares = areas.reduce((sum, area) => sum + (area - mean) ** 2, 0);
  const deviation = areas.length < 2 ? 0 : Math.sqrt(squares / (areas.length - 1));
  return spreadText({ mean, deviation, count: areas.length });
}

function spreadText({ mean, deviation }: Spread): string {
  return `${mean.toFixed(2)} (${deviation.toFixed(2)})`;
}

function rowsOf({ summary }: CompareEntry): number | null {
  const rows = Math.round(summary!.rows.mean);
  return rows === 0 ? null : rows;
}
