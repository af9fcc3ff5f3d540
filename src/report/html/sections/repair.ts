/** @file What repair did to layers that lost inputs. */
import { residualsChart } from "../charts/residuals.ts";
import type { SectionOf } from "./section.ts";

export const repairSection: SectionOf = ({ rounds }) => {
  const repaired = rounds.filter(({ repair }) =>
    repair?.some(({ residualBefore }) => residualBefore !== undefined),
  );
  const last = repaired.at(-1);
  if (last === undefined) return undefined;
  return {
    id: "repair",
    title: "Repair",
    body: residualsChart(last.repair ?? [], last.round, rounds.length),
  };
};
