/** @file What had to stay, and why. */
import { whole } from "../../format.ts";
import { html, tableOf } from "../markup.ts";
import type { SectionOf } from "./section.ts";

export const lockedSection: SectionOf = ({ locked }) => {
  if (locked.length === 0) return undefined;
  const wholly = locked.filter(({ prunable }) => prunable === 0).length;
  const sentence = `${whole(wholly)} ${wholly === 1 ? "group" : "groups"} had to stay whole, ${whole(locked.length - wholly)} in part: removing their channels would change what goes in or out of the network, or could not be shown to be safe.`;
  const rows = locked.map(({ id, channels, prunable, reason, lockedBy }) => [
    id,
    whole(channels),
    prunable === 0 ? "none" : whole(prunable),
    reason,
    lockedBy ?? "",
  ]);
  const columns = [
    { title: "group" },
    { title: "channels", align: "right" },
    { title: "removable", align: "right" },
    { title: "why" },
    { title: "held by" },
  ] as const;
  return {
    id: "locked",
    title: "What had to stay",
    body: html`${tableOf("Groups that had to stay", columns, rows)}
<p class="note">${sentence}</p>`,
  };
};
