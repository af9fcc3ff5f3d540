/** @file shapley-pruner train: a reference network from scratch. */
import { Command } from "commander";
import { dataOptions } from "./arguments.ts";
import { begin, conclude } from "./conclude.ts";
import { outputPath } from "./config-form.ts";
import { dryRunOption, tellPlan } from "./dry-run.ts";
import { type Io, workOptions } from "./io.ts";
import type { RawOptions } from "./settings.ts";
import { runSettings, trainingOptions, trainingReport, trainingRun } from "./training-options.ts";
import { numberOption, sizesOption, wholeNumber } from "./values.ts";

/** Names stand here as well, so that --help need not load the networks; a test compares them with the registry. */
export const networkNames = [
  "lenet-300-100",
  "lenet5",
  "lenet5-large",
  "lenet5-caffe",
  "vgg16",
  "vgg16-slim",
  "resnet20",
  "resnet32",
  "resnet56",
  "resnet50",
] as const;

/** The command train. */
export function trainCommand(io: Io): Command {
  const command = new Command("train")
    .description("Train a reference network from scratch, by a recipe that every option overrides")
    .argument("<network>", networkNames.join(", "))
    .option(
      "--sizes <numbers>",
      "channels and units by layer, such as 10-20-100-25 (lenet5, lenet-300-100)",
      sizesOption,
    )
    .option(
      "--width <number>",
      "factor on all channels (vgg16), or channels of the first stage (resnet20 to resnet56, resnet50)",
      numberOption,
    )
    .option("--classes <number>", "classes told apart (default: as the network is known for)", wholeNumber(2))
    .option("--input-channels <number>", "channels of the images", wholeNumber(1))
    .option("--input-size <pixels>", "height and width of the images", wholeNumber(1));
  dataOptions(command);
  const recipe = "by the recipe";
  trainingOptions(command, {
    epochs: recipe,
    batch: recipe,
    rate: recipe,
    schedule: recipe,
    decay: recipe,
    augmentation: recipe,
  });
  trainingRun(command);
  dryRunOption(command);
  return command
    .requiredOption("--out <file>", "where the trained model goes", outputPath)
    .action((network: string, options: RawOptions) => run(io, command, network, options));
}

async function run(io: Io, command: Command, network: string, options: RawOptions): Promise<void> {
  const { networkRun, trainNetwork } = await import("../pipeline/train-network.ts");
  const work = workOptions(io, options);
  const invocation = await begin(io, command, options, network);
  const size = (name: string) => options[name] as number | undefined;
  try {
    const job = {
      ...work,
      ...(await runSettings(options)),
      network,
      sizes: {
        sizes: options["sizes"] as readonly number[] | undefined,
        width: size("width"),
        classes: size("classes"),
        inputChannels: size("inputChannels"),
        inputSize: size("inputSize"),
      },
    };
    if (options["dryRun"] === true) {
      const { dryRunTraining } = await import("../pipeline/dry-run-training.ts");
      const { subject, run } = await networkRun(job);
      return await tellPlan(io, command, options, await dryRunTraining(subject, run));
    }
    const record = await trainNetwork(job);
    work.finish();
    const text = await trainingReport(record);
    await conclude(invocation, record, () => text);
  } finally {
    work.finish();
  }
}
