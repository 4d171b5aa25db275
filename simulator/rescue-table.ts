import type { Rescue } from "./breakages.ts";
import { table } from "./comparison-tables.ts";

interface Row {
  readonly analyzer: string;
  readonly policy: string;
  readonly rate: number;
  readonly builders: number;
  readonly rescue?: Rescue;
}

/** The rule about a red trunk: what it costs and how many innocent changes it saves, all seeds together. Empty without breakages. */
export function rescueTable(rows: readonly Row[]): readonly string[] {
  const shown = rows.flatMap(({ analyzer, policy, rate, builders, rescue }) =>
    rescue === undefined
      ? []
      : [
          [
            `${Math.round(rate)}/h, ${builders}`,
            `${policy}, ${analyzer}`,
            ...[rescue.breakages, rescue.trunkBuilds, rescue.withoutRule, rescue.innocents],
            rescue.withoutRule - rescue.innocents,
          ].map(String),
        ],
  );
  if (shown.length === 0) return [];
  const header = [
    "changes,\nbuilders",
    "policy,\nanalyzer",
    "trunk\nbroken",
    "builds of\nthe trunk",
    "innocents rejected\nwithout the rule",
    "\nwith it",
    "\nsaved",
  ];
  return [`A trunk that is broken past the queue (all seeds together)\n\n${table(header, shown)}`];
}
