import { expect, test, vi } from "vitest";
import { loadOrt } from "./load.ts";

vi.mock("onnxruntime-node", () => {
  throw new Error("no binary for this platform");
});

test("a runtime that is not installed or does not load says how to install it", async () => {
  const error = await loadOrt().catch((reason: unknown) => reason);
  expect(error).toMatchObject({ code: "engine-missing" });
  expect(String(error)).toContain("ONNXRUNTIME_NODE_INSTALL=skip npm install onnxruntime-node");
});
