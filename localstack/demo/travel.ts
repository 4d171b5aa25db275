import type { HistoryPage } from "../../functions/contracts/api.ts";

/** How a request got onto the trunk. */
export interface Travel {
  /** The requests ahead of it, still undecided, that it landed before. */
  readonly bypassed: readonly string[];
  /** How many left in the same push, itself counted; 0 before it has landed. */
  readonly train: number;
}

/** Read from what the log says of its landing. */
export function travelOf({ sqid, events }: HistoryPage): Travel {
  const { train, bypassed } = events.find(({ status }) => status === "landed")?.metadata ?? {};
  const queue = sqid.slice(0, sqid.lastIndexOf("/"));
  const labels = typeof bypassed === "string" ? bypassed.split(" ").filter((label) => label !== "") : [];
  return {
    bypassed: labels.map((label) => `${queue}/${label}`),
    train: typeof train === "number" ? train : 0,
  };
}

/** What is worth telling of it: `train of 3`, `past demo/1`. */
export const travelText = ({ bypassed, train }: Travel): string[] => [
  ...(train > 1 ? [`train of ${train}`] : []),
  ...(bypassed.length > 0 ? [`past ${bypassed.join(" ")}`] : []),
];

export interface TravelTotals {
  /** Requests that landed past others. */
  readonly bypassing: number;
  /** Requests that left in one push with others. */
  readonly inTrains: number;
  /** The most that left in one push. */
  readonly longestTrain: number;
}

export const totalsOf = (travels: readonly Travel[]): TravelTotals => ({
  bypassing: travels.filter(({ bypassed }) => bypassed.length > 0).length,
  inTrains: travels.filter(({ train }) => train > 1).length,
  longestTrain: Math.max(0, ...travels.map(({ train }) => train)),
});
