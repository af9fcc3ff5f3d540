/** @file Training as a part of another command: --finetune, and the options that only make sense with it. */
import { Command } from "commander";
import { PrunerError } from "../base/problem.ts";
import type { TuneSettings } from "../pipeline/refine.ts";
import type { RawOptions } from "./settings.ts";
import { aimOptions, finetuneInWords, stepOptions, trainingSettings } from "./training-options.ts";
import { wholeNumber } from "./values.ts";

/** --finetune and everything it can be told. @param deed What --finetune does in this command, for --help. */
export function tuneOptions(command: Command, deed: string): Command {
  command
    .option("--finetune <epochs>", deed, wholeNumber(1))
    .option("--no-teacher", "with --finetune: learn from the labels alone");
  return aimOptions(stepOptions(command, finetuneInWords));
}

/** The first option about training that was given, as it is written. */
function strayOption(options: RawOptions): string {
  const known = stepOptions(new Command(), finetuneInWords);
  const given = aimOptions(known).options.find((option) => {
    const value = options[option.attributeName()];
    return value !== undefined && option.negate === (value === false);
  });
  return given?.long ?? "--no-teacher";
}

/**
 * Settings of --finetune.
 * @throws {PrunerError} `usage` for options that only make sense with it.
 */
export async function tuneSettings(options: RawOptions): Promise<TuneSettings | undefined> {
  const epochs = options["finetune"] as number | undefined;
  const training = trainingSettings(options);
  if (epochs === undefined) {
    const isStated = Object.values({ ...training, seed: undefined }).some((value) => value !== undefined);
    if (isStated || options["teacher"] === false)
      throw new PrunerError("usage", {
        detail: `${strayOption(options)} is for --finetune EPOCHS. Add that, or leave it out.`,
      });
    return undefined;
  }
  const { checkLesson, finetuneDefaults, lessonOf, settingsFrom } = await import(
    "../pipeline/training-options.ts"
  );
  const teacher = options["teacher"] !== false;
  checkLesson(training, { hasTeacher: teacher, hasLabels: options["labels"] !== false });
  return {
    settings: settingsFrom(finetuneDefaults, { ...training, epochs }),
    lesson: lessonOf(training),
    teacher,
  };
}
