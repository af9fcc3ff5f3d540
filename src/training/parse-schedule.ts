/** @file Schedules as they are written on the command line. */
import { PrunerError } from "../base/problem.ts";
import type { Schedule, Span } from "./schedules.ts";

const expected =
  '"constant", "cosine", "cosine:1%" (with its final share), "step:10,15:0.1" (epochs and factor), "every:10:0.1", "one-cycle" or ' +
  '"one-cycle:30%:25:10000" (rise, first and final division); epochs may be shares of the run ("50%"), and "warm-up:2+" may stand in ' +
  "front of all but one-cycle";

/**
 * Reads a schedule: an optional "warm-up:SPAN+", then a kind and its settings behind colons.
 * @throws {PrunerError} `invalid-option`.
 * @example parseSchedule("warm-up:5%+cosine"); // { kind: "cosine", finalShare: 0, warmUp: { share: 0.05 } }
 */
export function parseSchedule(text: string): Schedule {
  const parts = text.split("+");
  const main = scheduleOf(text, parts.at(-1)!);
  if (parts.length === 1) return main;
  const [kind, span, ...rest] = parts[0]!.split(":");
  if (parts.length > 2 || kind !== "warm-up" || span === undefined || rest.length > 0) throw refused(text);
  if (main.kind === "one-cycle") throw refused(text);
  return { ...main, warmUp: spanOf(text, span) };
}

function scheduleOf(text: string, part: string): Schedule {
  const [kind, ...settings] = part.split(":");
  const [a, b, c, ...rest] = settings;
  const given = settings.length;
  if (rest.length > 0) throw refused(text);
  if (kind === "constant" && given === 0) return { kind };
  if (kind === "cosine" && given <= 1) return { kind, finalShare: a === undefined ? 0 : shareOf(text, a) };
  if (kind === "step" && given === 2)
    return { kind, at: a!.split(",").map((span) => spanOf(text, span)), factor: positiveOf(text, b!) };
  if (kind === "every" && given === 2)
    return { kind, period: periodOf(text, a!), factor: positiveOf(text, b!) };
  if (kind === "one-cycle")
    return {
      kind,
      warmUpShare: a === undefined ? 0.3 : shareOf(text, a),
      divFactor: b === undefined ? 25 : positiveOf(text, b),
      finalDivFactor: c === undefined ? 1e4 : positiveOf(text, c),
    };
  throw refused(text);
}

/** Epochs ("2", "0.5") or a share of the run ("5%"). */
function spanOf(text: string, part: string): Span {
  return part.endsWith("%") ? { share: shareOf(text, part) } : { epochs: numberOf(text, part) };
}

function periodOf(text: string, part: string): Span {
  const span = spanOf(text, part);
  if (("epochs" in span ? span.epochs : span.share) === 0) throw refused(text);
  return span;
}

/** "1%" or "0.01". */
function shareOf(text: string, part: string): number {
  const share = part.endsWith("%") ? numberOf(text, part.slice(0, -1)) / 100 : numberOf(text, part);
  if (share > 1) throw refused(text);
  return share;
}

function positiveOf(text: string, part: string): number {
  const value = numberOf(text, part);
  if (value === 0) throw refused(text);
  return value;
}

function numberOf(text: string, part: string): number {
  if (!/^(\d+\.?\d*|\.\d+)(e-?\d+)?$/.test(part)) throw refused(text);
  return Number(part);
}

function refused(text: string): PrunerError {
  return new PrunerError("invalid-option", { option: "schedule", got: text, expected });
}
