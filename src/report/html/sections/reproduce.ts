/** @file The command that gives the same result again. */
import { html } from "../markup.ts";
import type { SectionOf } from "./section.ts";

export const reproduceSection: SectionOf = ({ run }) => {
  if (run === null || run.arguments.length === 0) return undefined;
  const line = ["npx", run.tool, ...run.arguments].map(quoted).join(" ");
  return {
    id: "reproduce",
    title: "How to reproduce",
    body: html`<pre tabindex="0"><code>${line}</code></pre>
<p class="note">Version ${run.version} with the same files and ${run.machine.runtime ?? "no runtime"} gives the same numbers for any number of workers; latencies and a budget in seconds depend on the machine.</p>`,
  };
};

/** An argument as a POSIX shell takes it. @example quoted("a b"); // "'a b'" */
export function quoted(argument: string): string {
  return /^[\w@%+=:,./-]+$/.test(argument) ? argument : `'${argument.replaceAll("'", "'\\''")}'`;
}
