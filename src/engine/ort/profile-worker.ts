/** @file Thread entry: profiles several models side by side, one run each in turn. */
import { mkdtemp, readdir, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { serve } from "../../workers/serve.ts";
import { openProfiled, type ProfiledSession } from "./direct.ts";
import { type KernelTimes, kernelTimes } from "./kernel-times.ts";
import type { ProfileSetup } from "./profile.ts";

serve((setup: ProfileSetup) => async (): Promise<KernelTimes[][]> => {
  const folder = await mkdtemp(join(tmpdir(), "shapley-pruner-profile-"));
  try {
    return await profiled(setup, folder);
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
});

async function profiled(
  { models, feeds, options, warmup, runs }: ProfileSetup,
  folder: string,
): Promise<KernelTimes[][]> {
  const sessions: ProfiledSession[] = [];
  for (const [k, bytes] of models.entries())
    sessions.push(await openProfiled(bytes, options, join(folder, `${k}-`)));
  for (let round = 0; round < warmup + runs; round++) {
    const order = round % 2 === 0 ? sessions : sessions.toReversed();
    for (const session of order) await session.run(feeds);
  }
  for (const session of sessions) {
    session.endProfiling();
    await session.close();
  }
  const files = await readdir(folder);
  const traces = models.map((_, k) => files.find((name) => name.startsWith(`${k}-`))!);
  return Promise.all(
    traces.map(async (name) => kernelTimes(await readFile(join(folder, name), "utf8"), warmup)),
  );
}
