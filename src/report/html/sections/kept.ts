/** @file What stays of every group. */
import { keptChart } from "../charts/kept.ts";
import type { SectionOf } from "./section.ts";

export const keptSection: SectionOf = ({ kept }) =>
  kept.length === 0 ? undefined : { id: "kept", title: "What stays", body: keptChart(kept) };
