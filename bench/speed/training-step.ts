/** @file Training steps against PyTorch's, and the memory they take. */
import { execFileSync } from "node:child_process";
import { availableParallelism } from "node:os";
import { join } from "node:path";
import { inferFacts } from "../../src/ops/infer.ts";
import { defineOptimizer } from "../../src/training/optimizers/index.ts";
import { shardSizeFor } from "../../src/training/shard-size.ts";
import { stepperFor } from "../../src/training/stepper.ts";
import type { TrainingGraph } from "../../src/training/training-graph.ts";
import { type Runner, startRunner } from "../../src/valuation/runner.ts";
import { atLeast, type Benchmark, type Findings } from "../record.ts";
import { ratios, spreadOf, spreadText } from "../statistics.ts";
import { findTorch, type Spent, startTorch } from "./torch.ts";
import { batchesFor, graphOf } from "./training-setup.ts";

const batch = 128;
const threads = 2;
const rounds = 7;
/** The sizes that networks take by themselves; each is held to its target with its own. */
const shardSizes = [32, 64] as const;

/** Steps in a round, and the least speed relative to PyTorch. */
const networks = {
  lenet5: { steps: 20, target: 1 },
  resnet20: { steps: 1, target: 0.7 },
  "vgg16-slim": { steps: 2, target: 0.7 },
} as const;
type NetworkName = keyof typeof networks;

export const trainingStep: Benchmark = {
  title: "Training steps against PyTorch",
  how: `Forward, backward and update (Nesterov) of ${batch} examples; ${availableParallelism()} workers of one thread each against ${threads} threads of PyTorch, in turns for ${rounds} rounds. Speed is a ratio to PyTorch's, by wall clock, and by processor time against PyTorch with one thread: its threads wait by spinning, so on a busy machine the first ratio flatters us and the second stays. Memory: growth of a process that trains with 128 examples at once, in multiples of the bytes all layers put out, and that multiple for each example beyond 32.`,
  minutes: 2,
  async run() {
    const torch = findTorch();
    if ("reason" in torch) return { skipped: torch.reason };
    const findings: Findings[] = [];
    for (const name of Object.keys(networks) as NetworkName[])
      findings.push(await compare(name, torch.python));
    return { rows: findings.flatMap(({ rows }) => rows), claims: findings.flatMap(({ claims }) => claims) };
  },
};

async function compare(name: NetworkName, python: string): Promise<Findings> {
  const { steps, target } = networks[name];
  const graph = graphOf(name);
  const runner = await startRunner({ workers: availableParallelism() });
  const torch = await startTorch(python, name, batch, threads);
  const single = await startTorch(python, name, batch, 1);
  try {
    const ours = shardSizes.map((size) => trainer(runner, name, graph, size));
    const [theirSpent, singleSpent, ...ourSpent] = await spentInTurns(
      [torch.run, single.run, ...ours],
      steps,
    );
    const perStep = (spent: readonly Spent[]) => spent.map(({ seconds }) => (1000 * seconds) / steps);
    const over = (theirs: readonly Spent[], own: readonly Spent[], what: keyof Spent) =>
      ratios(
        theirs.map((spent) => spent[what]),
        own.map((spent) => spent[what]),
      );
    const memory = memoryOf(name, graph);
    const rows = shardSizes.map((size, k) => ({
      network: name,
      "examples in a shard": size,
      "ms per step": spreadText(perStep(ourSpent[k]!), 1),
      "PyTorch's": spreadText(perStep(theirSpent!), 1),
      speed: spreadText(over(theirSpent!, ourSpent[k]!, "seconds")),
      "by processor time": spreadText(over(singleSpent!, ourSpent[k]!, "cpu")),
      "memory / activations": memory.whole.toFixed(2),
      "per further example": memory.further.toFixed(2),
    }));
    const own = shardSizes.indexOf(shardSizeFor(graph.network));
    const speed = spreadOf(over(theirSpent!, ourSpent[own]!, "seconds")).median;
    return {
      rows,
      claims: [atLeast(`${name}: speed relative to PyTorch, shards of ${shardSizes[own]}`, target, speed)],
    };
  } finally {
    torch.close();
    single.close();
    await runner.close();
  }
}

type Steps = (steps: number) => Promise<Spent>;

/** Steps as the trainer takes them: the next batch is cut while the threads work. */
function trainer(runner: Runner, name: NetworkName, graph: TrainingGraph, shardSize: number): Steps {
  const stepper = stepperFor(runner, graph);
  const optimizer = defineOptimizer({ kind: "sgd", momentum: 0.9, nesterov: true });
  const state = optimizer.init(new Map(graph.parameters.entries.map(({ name, shape }) => [name, shape])));
  const batches = batchesFor(name, graph, batch);
  let next = batches(shardSize);
  return async (steps) => {
    const [cpu, started] = [process.cpuUsage(), performance.now()];
    for (let step = 0; step < steps; step++) {
      const running = stepper.run(next);
      next = batches(shardSize);
      await running;
      optimizer.step(stepper.parameters, stepper.gradients, state, {
        learningRate: 1e-3,
        weightDecayOf: () => 1e-4,
      });
    }
    const { user, system } = process.cpuUsage(cpu);
    return { seconds: (performance.now() - started) / 1000, cpu: (user + system) / 1e6 };
  };
}

/** One list per contender, in their order; the first, unmeasured round warms up. */
async function spentInTurns(contenders: readonly Steps[], steps: number): Promise<Spent[][]> {
  const spent: Spent[][] = contenders.map(() => []);
  for (let round = -1; round < rounds; round++) {
    for (const [k, run] of contenders.entries()) {
      const own = await run(steps);
      if (round >= 0) spent[k]!.push(own);
    }
  }
  return spent;
}

/** Growth over bytes of activations, for a whole batch and for each example beyond a default shard. */
function memoryOf(name: NetworkName, graph: TrainingGraph): { whole: number; further: number } {
  const grownBy = (examples: number) => {
    const script = join(import.meta.dirname, "training-memory.ts");
    return Number(execFileSync(process.execPath, ["--import", "tsx", script, name, String(examples)]));
  };
  const [most, some] = [grownBy(batch), grownBy(shardSizes[0])];
  const each = activationBytes(graph);
  return { whole: most / (batch * each), further: (most - some) / ((batch - shardSizes[0]) * each) };
}

/** Bytes per example that the network's nodes put out, views of other values aside. */
function activationBytes({ network }: TrainingGraph): number {
  const facts = inferFacts(network);
  const views = new Set(["Flatten", "Reshape"]);
  return network.graph.nodes
    .filter(({ opType }) => !views.has(opType))
    .flatMap(({ outputs }) => outputs)
    .reduce((sum, name) => {
      const sizes = facts.get(name)!.shape!.slice(1) as number[];
      return sum + 4 * sizes.reduce((product, size) => product * size, 1);
    }, 0);
}
