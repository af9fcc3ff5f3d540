import { describe, expect, test } from "vitest";
import { nearestNames } from "./nearest-names.ts";

describe("nearestNames", () => {
  test("puts fewer edits first and leaves strangers out", () => {
    expect(nearestNames("conv3", ["fc1", "conv1", "conv30"])).toEqual(["conv30", "conv1"]);
    expect(nearestNames("CONV1", ["conv1"])).toEqual(["conv1"]);
    expect(nearestNames("zzzz", ["conv1", "fc1"])).toEqual([]);
  });
});
