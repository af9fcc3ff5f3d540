/** @file Every study by the name it is run by, in the order of the page. */
import type { Study } from "../study.ts";
import { oracleStudy } from "./oracle.ts";

export const studies: Readonly<Record<string, Study>> = {
  oracle: oracleStudy,
};
