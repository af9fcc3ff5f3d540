/**
 * @file A process that fills a table slowly, keeps it in a store and prints a line for every chunk:
 * `tsx fill-store.ts FOLDER MILLISECONDS`.
 */
import { setTimeout as wait } from "node:timers/promises";
import { fillTable, openStore } from "../../src/oracle/index.ts";
import { slowGame, slowIdentity } from "./slow-game.ts";

const [folder, pause] = process.argv.slice(2) as [string, string];
const store = await openStore(folder);
const game = slowGame(() => wait(Number(pause)));
await fillTable(game, {
  store: store.table(slowIdentity),
  concurrency: 2,
  onProgress: (done) => process.stdout.write(`${done}\n`),
});
await store.close();
process.stdout.write("done\n");
