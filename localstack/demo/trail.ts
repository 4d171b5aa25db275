import type { HistoryEntry, HistoryPage } from "../../functions/contracts/api/request-views.ts";
import { hasEnded } from "../../functions/contracts/log-event.ts";
import { howLandedOf, howLandedText } from "./how-landed.ts";

/** The statuses that a request went through, oldest first, each with what happened meanwhile: `speculating [building, built]`. */
export function trailOf({ sqid, events }: HistoryPage): string[] {
  const stages: { name: string; happened: string[] }[] = [];
  let ended = false;
  for (const entry of events) {
    const { status, event } = entry;
    if (status !== undefined) {
      const name = status + howItLanded(sqid, entry);
      stages.push({ name: ended ? `after: ${name}` : name, happened: [] });
      ended ||= hasEnded(status);
    }
    if (event !== undefined) {
      if (stages.length === 0) stages.push({ name: "…", happened: [] });
      stages.at(-1)?.happened.push(ended ? `after: ${event}` : event);
    }
  }
  return stages.map(({ name, happened }) => (happened.length === 0 ? name : `${name} [${counted(happened)}]`));
}

function howItLanded(sqid: HistoryPage["sqid"], entry: HistoryEntry): string {
  const told = howLandedText(howLandedOf({ sqid, events: [entry] }));
  return told.length === 0 ? "" : ` (${told.join(", ")})`;
}

/** Repeats in a row are counted: `building ×2, built`. */
function counted(happened: readonly string[]): string {
  const runs: { name: string; times: number }[] = [];
  for (const name of happened) {
    const last = runs.at(-1);
    if (last?.name === name) last.times += 1;
    else runs.push({ name, times: 1 });
  }
  return runs.map(({ name, times }) => (times === 1 ? name : `${name} ×${times}`)).join(", ");
}

/** A trail on one line. Of a long one the first stage is left, the stages in which something happened, and the last. */
export function shortTrail(trail: readonly string[]): string {
  const last = trail.length - 1;
  const kept = trail.map((stage, i) => i === 0 || i === last || stage.includes("["));
  const words: string[] = [];
  trail.forEach((stage, i) => {
    if (kept[i] || (kept[i - 1] && kept[i + 1])) words.push(stage);
    else if (words.at(-1) !== "…") words.push("…");
  });
  return words.join(" → ");
}
