import type { DynamoDBDocumentClient } from "@aws-sdk/lib-dynamodb";
import type { QueueName } from "../../contracts/ids.ts";
import type { RedTrunk } from "../../contracts/messages.ts";
import { ABOUT, HOURS, KEY, viewKeys } from "../../contracts/tables.ts";
import type { EpochMs } from "../../contracts/time.ts";
import type { FlakeLedger } from "../../domain/flakes.ts";
import { flakesIn } from "./view-flakes.ts";
import { ModeSet } from "./view-items.ts";
import { type LiveSummaries, liveFrom } from "./view-summaries.ts";
import { type Hour, hourIn } from "./view-trends.ts";
import { redIn } from "./view-trunks.ts";

/** What the partition of a queue says of the queue. */
export interface Now extends LiveSummaries {
  /** Undefined when the queue's mode was never set. */
  readonly mode: ModeSet | undefined;
  /** Undefined while the trunk is not known to be red. */
  readonly red: RedTrunk | undefined;
  readonly flakes: FlakeLedger;
  /** From `since` on, oldest first, without the hours in which no request ended. */
  readonly hours: readonly Hour[];
}

/** The part of the view table that says how a queue stands. */
export interface ViewNow {
  /** What is known of a queue, with the hours from `since` on. One Query per megabyte in flight, at most four. Strongly consistent. */
  nowOf(queue: QueueName, since: EpochMs): Promise<Now>;
}

export const viewNow = (dynamodb: DynamoDBDocumentClient, table: string): ViewNow => ({
  async nowOf(queue, since) {
    const { summaries, more, others } = await liveFrom(dynamodb, table, queue, viewKeys.trend(queue, since).sk);
    const about = (sk: string) => others.find((item) => item[KEY.sk] === sk);
    const mode = about(ABOUT.mode);
    return {
      summaries,
      more,
      mode: mode === undefined ? undefined : ModeSet.parse(mode),
      red: redIn(about(ABOUT.trunk)),
      flakes: flakesIn(about(ABOUT.flakes)).ledger,
      hours: others.filter((item) => String(item[KEY.sk]).startsWith(HOURS)).map(hourIn),
    };
  },
});
