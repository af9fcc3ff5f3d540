/** @file The shapes of results that reports are drawn from, checked because documents come from files. */
import { criteria } from "../criteria/index.ts";
import { metrics } from "../metrics/index.ts";
import {
  anything,
  bounds,
  count,
  fields,
  flag,
  listOf,
  mapByNumber,
  mapOf,
  nullable,
  number,
  oneOf,
  optional,
  type Shape,
  text,
} from "./document-shape.ts";

const figures = fields({
  accuracy: nullable(number),
  accuracyInterval: nullable(bounds),
  loss: nullable(number),
  lossInterval: nullable(bounds),
  divergence: nullable(number),
  parameters: number,
  macs: number,
  bytes: number,
  latencyMs: nullable(mapByNumber(number)),
  latencyQuartilesMs: nullable(mapByNumber(bounds)),
});

const grouped = optional(
  nullable(
    listOf(
      fields({
        layer: text,
        blocks: count(1),
        cut: oneOf(["equal", "blocks"]),
        trial: nullable(
          fields({
            cost: number,
            quantity: oneOf(["macs", "parameters"]),
            blocksRemoved: count(),
            payoffEqual: number,
            payoffBlocks: number,
            standardError: number,
          }),
        ),
        reason: nullable(text),
      }),
    ),
  ),
);

const caches = optional(
  nullable(listOf(fields({ past: text, present: text, before: listOf(anything), after: listOf(anything) }))),
);

const sides = (side: Shape) => fields({ before: side, after: side });

const layerTimes = optional(
  nullable(
    fields({
      batch: count(1),
      runs: count(1),
      ms: sides(number),
      layers: listOf(
        fields({
          layer: text,
          macs: nullable(sides(number)),
          channels: nullable(sides(text)),
          ms: sides(number),
          faster: flag,
          reason: nullable(text),
        }),
      ),
      advice: nullable(text),
    }),
  ),
);

const change = nullable(
  fields({
    difference: fields({ value: number, low: number, high: number }),
    lost: count(),
    gained: count(),
  }),
);

export const runShape = optional(
  fields({
    tool: text,
    version: text,
    command: text,
    subject: text,
    arguments: listOf(text),
    options: mapOf(anything),
    seconds: number,
    machine: fields({ cores: count(1), node: text, runtime: nullable(text) }),
  }),
);

const locked = optional(
  listOf(fields({ id: text, channels: count(), prunable: count(), reason: text, lockedBy: nullable(text) })),
);

const scoring = {
  criterion: oneOf(["shapley", ...Object.keys(criteria)]),
  estimator: nullable(text),
  payoff: nullable(oneOf(Object.keys(metrics))),
};

const epochs = listOf(
  fields({
    epoch: count(1),
    loss: number,
    learningRate: number,
    validation: optional(fields({ loss: number, accuracy: optional(number) })),
  }),
);

const rounds = listOf(
  fields({
    round: count(1),
    step: count(1),
    macs: number,
    parameters: number,
    stages: listOf(
      fields({
        stage: oneOf(["sliced", "repaired", "tuned"]),
        accuracy: nullable(number),
        loss: nullable(number),
        accuracyInterval: nullable(bounds),
        lossInterval: nullable(bounds),
      }),
    ),
    repair: nullable(
      listOf(
        fields({
          node: text,
          residualBefore: optional(number),
          residualAfter: optional(number),
          ridge: optional(number),
          accepted: flag,
          reason: optional(text),
        }),
      ),
    ),
    tuning: nullable(fields({ epochs })),
  }),
);

/** As many numbers as there are channels. */
function byChannel(shape: Shape, names: readonly string[]): Shape {
  return (value, at) => {
    const checked = shape(value, at);
    if (checked !== undefined) return checked;
    const group = value as Readonly<Record<string, unknown>>;
    const wrong = names.find((name) => (group[name] as unknown[]).length !== group["channels"]);
    return wrong === undefined ? undefined : `${at}.${wrong}: expected one entry for each channel`;
  };
}

const perChannel = { values: listOf(nullable(number)), standardErrors: listOf(nullable(number)) };

export const pruneShape: Shape = fields({
  before: figures,
  after: figures,
  groups: listOf(fields({ id: text, channels: count(1), kept: count() })),
  check: nullable(fields({ difference: number, tolerance: number, examples: count() })),
  rounds,
  grouped,
  caches,
  layerTimes,
  scores: nullable(
    listOf(
      byChannel(
        fields({ id: text, channels: count(1), ...perChannel, removedAfter: listOf(nullable(count(1))) }),
        ["values", "standardErrors", "removedAfter"],
      ),
    ),
  ),
  scoring: nullable(fields({ ...scoring, data: nullable(fields({ examples: count() })) })),
  accuracyChange: change,
  rows: count(),
  reached: flag,
  stoppedBy: text,
  examples: nullable(mapOf(count())),
  locked,
  run: runShape,
});

/** Removals under names of their own, at least one. */
export const demoShape: Shape = (value, at) => {
  const named = fields({ name: text, target: text });
  const list = listOf((one, place) => named(one, place) ?? pruneShape(one, place));
  const wrong = fields({ contenders: list, locked, run: runShape })(value, at);
  if (wrong !== undefined) return wrong;
  const { contenders } = value as { readonly contenders: readonly unknown[] };
  return contenders.length > 0 ? undefined : "contenders: expected at least one";
};

export const scoresShape: Shape = fields({
  ...scoring,
  data: nullable(fields({ examples: count() })),
  seed: count(),
  settings: mapOf(anything),
  rows: count(),
  groups: listOf(
    byChannel(
      fields({
        id: text,
        channels: count(1),
        values: listOf(number),
        standardErrors: listOf(nullable(number)),
      }),
      ["values", "standardErrors"],
    ),
  ),
  locked,
  run: runShape,
});

export const evaluationShape: Shape = fields({
  before: nullable(figures),
  after: figures,
  examples: count(),
  accuracyChange: change,
  layerTimes,
  run: runShape,
});

export const trainingShape: Shape = fields({
  command: oneOf(["train", "finetune"]),
  teacher: nullable(text),
  examples: mapOf(count()),
  settings: mapOf(anything),
  lesson: mapOf(anything),
  history: fields({ epochs, losses: listOf(number) }),
  bestEpoch: count(),
  before: nullable(figures),
  after: figures,
  accuracyChange: change,
  run: runShape,
});
