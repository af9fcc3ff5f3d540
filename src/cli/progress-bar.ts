/** @file One line of progress on stderr: what, how far, how fast, how long still. */
import { createRequire } from "node:module";
import type { SingleBar } from "cli-progress";
import type { Progress } from "../pipeline/progress.ts";
import { duration, whole } from "../report/format.ts";

export interface ProgressBar {
  show(progress: Progress): void;
  clear(): void;
}

/** A bar on stderr that starts anew with every label. */
export function progressBar(): ProgressBar {
  let bar: SingleBar | undefined;
  let label = "";
  let startedAt = 0;
  let startedWith = 0;
  const clear = () => {
    bar?.stop();
    bar = undefined;
  };
  return {
    show({ label: next, done, total, unit, each = { count: 1, unit }, note = "" }) {
      if (bar === undefined || next !== label) {
        clear();
        label = next;
        startedAt = performance.now();
        startedWith = done;
        bar = newBar();
        bar.start(total, done, { label, unit, note: "", rate: "" });
      }
      const seconds = (performance.now() - startedAt) / 1000;
      const rate = seconds > 0 ? (done - startedWith) / seconds : 0;
      const left =
        rate > 0 ? `${whole(rate * each.count)} ${each.unit}/s, ${duration((total - done) / rate)} left` : "";
      bar.setTotal(total);
      bar.update(done, { label, unit, note: note === "" ? "" : `, ${note},`, rate: left });
    },
    clear,
  };
}

/** Loads the library with the first bar: most starts draw none. */
function newBar(): SingleBar {
  const library = createRequire(import.meta.url)("cli-progress") as typeof import("cli-progress");
  return new library.SingleBar(
    {
      format: "{label} [{bar}] {value}/{total} {unit}{note} {rate}",
      stream: process.stderr,
      clearOnComplete: true,
      hideCursor: true,
      barsize: 24,
    },
    library.Presets.rect,
  );
}
