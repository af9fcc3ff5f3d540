/** @file All commands under one name, and what happens with usage mistakes. */
import { Command } from "commander";
import { tool } from "../base/version.ts";
import { compareCommand } from "./compare.ts";
import { configurable } from "./config.ts";
import { runCommand } from "./config-run.ts";
import { demoCommand } from "./demo.ts";
import { evaluateCommand } from "./evaluate.ts";
import { finetuneCommand } from "./finetune.ts";
import { inspectCommand } from "./inspect.ts";
import type { Io } from "./io.ts";
import { oracleCommand } from "./oracle.ts";
import { pruneCommand } from "./prune.ts";
import { rankCommand } from "./rank.ts";
import { reportCommand } from "./report.ts";
import { trainCommand } from "./train.ts";

/** The commands that work on a model, which take what they are told from a file as well. */
export function commandsWithConfig(io: Io): Command[] {
  return [
    inspectCommand,
    rankCommand,
    pruneCommand,
    finetuneCommand,
    trainCommand,
    evaluateCommand,
    oracleCommand,
    compareCommand,
  ].map((make) => configurable(make(io)));
}

/** The whole command line, writing to `io`; mistakes in its use are thrown as `CommanderError`. */
export function program(io: Io): Command {
  const root = new Command(tool.name)
    .description("Make trained ONNX networks smaller by asking, with game theory, what each channel is worth")
    .version(tool.version);
  const others = [reportCommand, demoCommand, runCommand].map((make) => make(io));
  const commands = [...commandsWithConfig(io), ...others];
  for (const command of commands) root.addCommand(command);
  for (const command of [root, ...commands]) {
    command.exitOverride().configureOutput({
      writeOut: (text) => io.out(text.trimEnd()),
      writeErr: (text) => io.err(text.trimEnd()),
      outputError: () => undefined, // told once, with its code, by run.ts
    });
  }
  return root;
}
