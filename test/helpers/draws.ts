/** @file What a draw of `sequential` asks of one example, as masks. */
import { walksOfPair, writeWalks } from "../../src/estimators/antithetic-walks.ts";
import { rowStore } from "../../src/estimators/call-rows.ts";
import { type Draw, rowsOfDraw, type Stage } from "../../src/estimators/stages.ts";
import { writeStars } from "../../src/estimators/stars.ts";
import { rowsAlong } from "../../src/games/walks.ts";

/** Shape [rows, players], in the order of the draw's payoffs. */
export function masksOfDraw({ order, stars }: Draw, stage: Stage, players: number): Uint8Array {
  const rows = rowsOfDraw({ order, stars }, stage);
  if (stars !== undefined) {
    const masks = new Uint8Array(rows * players);
    writeStars(stars, players, masks, 0);
    return masks;
  }
  const walks = walksOfPair(stage.course, order.length);
  const asked = rowStore(players).take({ rows: 0, walks, walkRows: rows, gates: 0 }).rows;
  writeWalks(order, stage.course, 0, asked.walks);
  return rowsAlong(asked.walks, players).masks;
}
