import type { DynamoDBDocumentClient } from "@aws-sdk/lib-dynamodb";
import type { QueueName } from "../../contracts/ids.ts";
import type { RedTrunk } from "../../contracts/messages/log-messages.ts";
import { ABOUT, KEY, viewKeys } from "../../contracts/tables.ts";
import type { EpochMs } from "../../contracts/time.ts";
import { type FlakeLedger, NO_FLAKES } from "../../domain/flakes.ts";
import { type Item, readableIn } from "./stored-item.ts";
import { flakesIn } from "./view-flakes.ts";
import { type ModeSet, modeIn } from "./view-items.ts";
import { type LiveSummaries, liveFrom } from "./view-live.ts";
import { type Hour, hourIn, isHour } from "./view-trends.ts";
import { redIn } from "./view-trunks.ts";

/** What the partition of a queue says of the queue. What can't be read is as if it were not there, and is in `unreadable`. */
interface Now extends LiveSummaries {
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
    const {
      others,
      last: _,
      unreadable,
      ...live
    } = await liveFrom(dynamodb, table, queue, {
      from: viewKeys.trend(queue, since).sk,
    });
    const left = [...unreadable];
    /** What the item of that name says; undefined when there is none, or when it can't be read. */
    const about = <T>(sk: string, read: (item: Item) => T): T | undefined =>
      others
        .filter((item) => item[KEY.sk] === sk)
        .flatMap((item) => readableIn(item, read, (error) => left.push(error)))[0];
    return {
      ...live,
      unreadable: left,
      mode: about(ABOUT.mode, modeIn),
      red: about(ABOUT.trunk, redIn),
      flakes: about(ABOUT.flakes, (item) => flakesIn(item).ledger) ?? NO_FLAKES,
      hours: others.filter(isHour).map(hourIn),
    };
  },
});
