/** @file shapley-pruner run: the command a configuration file names, as the file says. */
import { Command } from "commander";
import { readObject } from "./config.ts";
import { configInvalid } from "./config-complaint.ts";

/** The command run. */
export function runCommand(): Command {
  const command = new Command("run")
    .description("Run what a configuration file describes; options after it go before the file")
    .argument("<config>", "JSON file with a command and its options; see docs/configuration.md")
    .argument("[options...]", "options of that command")
    .allowUnknownOption();
  return command.action(async (path: string, rest: readonly string[]) => {
    const root = command.parent!;
    const { command: meant } = await readObject(path);
    const known = root.commands.flatMap((one) =>
      one.options.some(({ long }) => long === "--config") ? [one.name()] : [],
    );
    if (typeof meant !== "string" || !known.includes(meant))
      throw configInvalid(path, "command", `one of ${known.join(", ")}`, meant);
    await root.parseAsync([meant, "--config", path, ...rest], { from: "user" });
  });
}
