/** @file Prints "12 passed, 0 failed" from vitest's JSON report: `tsx scripts/count-tests.ts report.json`. */
import { readFileSync } from "node:fs";

interface Report {
  readonly numPassedTests: number;
  readonly numFailedTests: number;
  readonly numPendingTests: number;
  readonly testResults: readonly {
    readonly name: string;
    readonly status: string;
    readonly assertionResults: readonly {
      readonly status: string;
      readonly fullName: string;
    }[];
  }[];
}

const report = JSON.parse(readFileSync(process.argv[2]!, "utf8")) as Report;
for (const { name, assertionResults } of report.testResults) {
  for (const { status, fullName } of assertionResults) {
    if (status === "failed") console.log(`failed: ${name}: ${fullName}`);
    if (status === "skipped" || status === "pending") console.log(`left out: ${fullName}`);
  }
}
// A file that does not load fails as a whole and holds no test that could.
const broken = report.testResults.filter(
  ({ status, assertionResults }) =>
    status === "failed" && assertionResults.every((result) => result.status !== "failed"),
);
for (const { name } of broken) console.log(`failed: ${name}: the file itself`);
console.log(`${report.numPassedTests} passed, ${report.numFailedTests + broken.length} failed`);
