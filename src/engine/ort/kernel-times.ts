/** @file Reads what ONNX Runtime wrote about a profiled session: how long each kernel took, run by run. */

/** A kernel of the optimized graph. */
export interface KernelTimes {
  /** As the runtime calls it: a node of the model, a value with a suffix, or what its optimizer made of several nodes. */
  readonly name: string;
  /** Operator that ran, such as Conv, FusedConv or ReorderOutput. */
  readonly opType: string;
  /** Shape [runs], milliseconds; 0 in a run that did not come to it. */
  readonly ms: Float64Array;
}

interface TraceEvent {
  readonly cat: string;
  readonly name: string;
  /** Microseconds. */
  readonly ts: number;
  readonly dur: number;
  readonly args?: { readonly op_name?: string };
}

const suffix = "_kernel_time";

/**
 * Kernels in the order they first ran.
 * @param trace The runtime's JSON trace.
 * @param warmup Runs at the start that do not count.
 */
export function kernelTimes(trace: string, warmup: number): KernelTimes[] {
  const events = JSON.parse(trace) as readonly TraceEvent[];
  const runs = events
    .filter(({ cat, name }) => cat === "Session" && name === "model_run")
    .sort((a, b) => a.ts - b.ts)
    .slice(warmup);
  const kernels = new Map<string, KernelTimes>();
  const ofNodes = events.filter(({ cat, name }) => cat === "Node" && name.endsWith(suffix));
  for (const { name, ts, dur, args } of ofNodes.sort((a, b) => a.ts - b.ts)) {
    const run = runs.findIndex((one) => ts >= one.ts && ts <= one.ts + one.dur);
    if (run < 0) continue;
    const opType = args?.op_name ?? "";
    const key = `${name}\n${opType}`;
    const kernel = kernels.get(key) ?? {
      name: name.slice(0, -suffix.length),
      opType,
      ms: new Float64Array(runs.length),
    };
    kernels.set(key, kernel);
    kernel.ms[run]! += dur / 1000;
  }
  return [...kernels.values()];
}
