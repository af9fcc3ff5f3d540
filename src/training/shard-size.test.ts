import { expect, test } from "vitest";
import { buildNetwork } from "../networks/index.ts";
import { shardSizeFor, usualShardSize } from "./shard-size.ts";

test("networks of many weights for their work take larger shards", () => {
  const sizes = ["lenet5", "resnet20", "resnet56", "vgg16-slim"].map((name) =>
    shardSizeFor(buildNetwork(name)),
  );
  expect(sizes).toEqual([32, 32, 32, 64]);
});

test("few parameters or much work per parameter do not", () => {
  expect(usualShardSize({ macs: 1e6, parameters: 499_999 })).toBe(32);
  expect(usualShardSize({ macs: 49e6, parameters: 1e6 })).toBe(64);
  expect(usualShardSize({ macs: 50e6, parameters: 1e6 })).toBe(32);
});
