/** @file How long the command takes to say its first word. */
import { join } from "node:path";
import { assets } from "../networks.ts";
import { atMost, type Benchmark } from "../record.ts";
import { ratios, spreadOf, spreadText, takeTurns } from "../statistics.ts";
import { builtCommand, secondsOf } from "./built-command.ts";

const rounds = 15;

export const coldStart: Benchmark = {
  title: "Cold start",
  how: `The built command in a process of its own each time, in turns for ${rounds} rounds, beside a Node that does nothing. Milliseconds, files in the system's cache.`,
  minutes: 0.3,
  async run() {
    const seconds = await takeTurns(
      {
        "node -e 0": () => secondsOf(["-e", "0"]),
        "--help": () => secondsOf([builtCommand, "--help"]),
        "inspect LeNet-5": () => secondsOf([builtCommand, "inspect", join(assets, "lenet5-mnist.onnx")]),
      },
      rounds,
    );
    const rows = Object.entries(seconds).map(([command, times]) => ({
      command,
      ms: spreadText(
        times.map((s) => 1000 * s),
        0,
      ),
      "times an empty Node": spreadText(ratios(times, seconds["node -e 0"])),
    }));
    const claims = [
      atMost("--help in seconds:", 0.2, spreadOf(seconds["--help"]).median),
      atMost("inspect of LeNet-5 in seconds:", 0.5, spreadOf(seconds["inspect LeNet-5"]).median),
    ];
    return { rows, claims };
  },
};
