import type { HistoryPage } from "../../functions/contracts/api/request-views.ts";

/** How a request got onto the trunk. */
export interface HowLanded {
  /** The requests ahead of it, still undecided, that it landed before. */
  readonly bypassed: readonly string[];
  /** How many left in the same push, itself counted; 0 before it has landed. */
  readonly landedTogether: number;
}

/** Read from what the log says of its landing. */
export function howLandedOf({ sqid, events }: HistoryPage): HowLanded {
  const { landed_together: landedTogether, bypassed } =
    events.find(({ status }) => status === "landed")?.metadata ?? {};
  const queue = sqid.slice(0, sqid.lastIndexOf("/"));
  const labels = typeof bypassed === "string" ? bypassed.split(" ").filter((label) => label !== "") : [];
  return {
    bypassed: labels.map((label) => `${queue}/${label}`),
    landedTogether: typeof landedTogether === "number" ? landedTogether : 0,
  };
}

/** What is worth telling of it: `push of 3`, `past demo/1`. */
export const howLandedText = ({ bypassed, landedTogether }: HowLanded): string[] => [
  ...(landedTogether > 1 ? [`push of ${landedTogether}`] : []),
  ...(bypassed.length > 0 ? [`past ${bypassed.join(" ")}`] : []),
];

export interface LandingTotals {
  /** Requests that landed past others. */
  readonly bypassing: number;
  /** Requests that left in one push with others. */
  readonly inSharedPushes: number;
  /** The most that left in one push. */
  readonly largestPush: number;
}

export const totalsOf = (all: readonly HowLanded[]): LandingTotals => ({
  bypassing: all.filter(({ bypassed }) => bypassed.length > 0).length,
  inSharedPushes: all.filter(({ landedTogether }) => landedTogether > 1).length,
  largestPush: Math.max(0, ...all.map(({ landedTogether }) => landedTogether)),
});
