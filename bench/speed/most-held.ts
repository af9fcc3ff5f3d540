/** @file The most memory this process ever held. */
import { readFileSync } from "node:fs";

/** In bytes; Linux alone tells it for the process rather than its parent as well. */
export function mostHeld(): number {
  try {
    return 1024 * Number(/VmHWM:\s+(\d+)/.exec(readFileSync("/proc/self/status", "utf8"))![1]);
  } catch {
    return 1024 * process.resourceUsage().maxRSS;
  }
}
