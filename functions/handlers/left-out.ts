import type { Clients } from "../adapters/aws-clients.ts";
import type { OnUnreadable } from "../adapters/dynamodb/stored-item.ts";

/** Logs each stored item that a list leaves out because this release can't read the item. */
export const leftOut =
  (log: Clients["log"]): OnUnreadable =>
  (err) =>
    log.error({ err }, "a stored item that can't be read was left out");
