/** @file The thread that runs networks: forward passes, and rows of a game on cached activations. */
import type { Session, SessionOptions } from "../engine/engine.ts";
import { openBytes } from "../engine/ort/direct.ts";
import { Handover, serve } from "../workers/serve.ts";
import { batchRoom, gather } from "./batch-room.ts";
import { sumOverExamples } from "./coalition-sums.ts";
import { type Desk, deskFor } from "./desk.ts";
import { evaluateGradients } from "./evaluate-gradients.ts";
import { evaluateAdded, evaluateRows } from "./evaluate-rows.ts";
import { evaluateWalks } from "./evaluate-walks.ts";
import { exchange, parameterCopies, transferable } from "./exchange.ts";
import { fillCached } from "./fill-cached.ts";
import type { Job, JobResult, SharedModel, ThreadSetup } from "./jobs.ts";
import { rowsIn, walksIn } from "./sheets.ts";

/**
 * Sessions kept open per thread, those used last: opening and releasing them in a loop costs time and memory. Games that are
 * played at once have some each, as long as their models are small.
 */
const openSessions = { fewest: 4, most: 16, bytes: 64 * 2 ** 20 };

serve<ThreadSetup, Job, JobResult>(({ options }, lookup) => {
  const sessions = new Map<number, { readonly opened: Promise<Session>; readonly bytes: number }>();
  const room = batchRoom();
  const parametersOf = parameterCopies(openSessions.fewest);
  let desk: Desk | undefined;

  async function sessionFor(model: SharedModel, own: SessionOptions = {}): Promise<Session> {
    const known = sessions.get(model.id);
    if (known !== undefined) {
      sessions.delete(model.id);
      sessions.set(model.id, known); // the one used last stands last
      return known.opened;
    }
    while (isFull(model.bytes.length)) {
      const [oldest] = sessions.keys();
      const closing = sessions.get(oldest!)!;
      sessions.delete(oldest!);
      await closing.opened.then(
        (session) => session.close(),
        () => undefined, // never opened: told to whoever asked for it
      );
    }
    const opened = openBytes(model.bytes, { ...options, ...own });
    sessions.set(model.id, { opened, bytes: model.bytes.length });
    return opened;
  }

  function isFull(wanted: number): boolean {
    if (sessions.size < openSessions.fewest) return false;
    const bytes = [...sessions.values()].reduce((sum, { bytes: own }) => sum + own, wanted);
    return sessions.size >= openSessions.most || bytes > openSessions.bytes;
  }

  return async (job) => {
    if (job.kind === "exchange") {
      const session = await sessionFor(job.setup.model, { plansMemory: false });
      return exchange(session, parametersOf(job), job);
    }
    if (job.kind === "added") {
      const effects = lookup(job.effects);
      desk = deskFor(desk, effects);
      const [tail, sheet] = [lookup(job.tail), lookup(job.sheet)];
      const size = { players: effects.players, rows: job.runs.reduce((sum, rows) => sum + rows, 0) };
      let first = 0;
      for (const rows of job.runs) {
        await evaluateAdded(sessionFor, desk, room, {
          tail,
          effects,
          rows: rowsIn(sheet, size, first, rows),
        });
        first += rows;
      }
      return {};
    }
    if (job.kind === "walks") {
      const tail = lookup(job.tail);
      const effects = job.effects && lookup(job.effects);
      if (effects !== undefined) desk = deskFor(desk, effects);
      const adding = effects && { effects, desk: desk! };
      const walks = walksIn(lookup(job.sheet), job.size);
      await evaluateWalks(sessionFor, room, { tail, adding, walks, runs: job.runs });
      return {};
    }
    if (job.kind === "fill") {
      await fillCached(sessionFor, lookup(job.setup), job);
      return {};
    }
    if (job.kind === "gradients") {
      const backward = { tail: lookup(job.tail), setup: lookup(job.setup) };
      const session = await sessionFor(backward.setup.model);
      const read = new Set(backward.setup.reads.map(({ name }) => name));
      const cached = backward.tail.cached.filter(({ name }) => read.has(name));
      const activations = gather(cached, job.entries, room);
      const derivatives = await evaluateGradients(session, backward, job, activations);
      return new Handover<JobResult>(derivatives, [derivatives.buffer as ArrayBuffer]);
    }
    if (job.kind === "forward") {
      const outputs = await (await sessionFor(job.model)).run(job.feeds);
      return new Handover<JobResult>(outputs, transferable(outputs));
    }
    if (job.kind === "coalitions") {
      const whole = lookup(job.tail);
      return sumOverExamples(await sessionFor(whole.model), whole, job.masks);
    }
    const tail = lookup(job.tail);
    const players = tail.masks.reduce((sum, mask) => sum + mask.players, 0);
    const rows = rowsIn(lookup(job.sheet), { players, rows: job.rows });
    await evaluateRows(await sessionFor(tail.model), room, tail, rows);
    return {};
  };
});
