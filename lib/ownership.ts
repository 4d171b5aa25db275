import { TABLE_READS, TABLE_WRITES } from "./dynamodb-actions.ts";
import type { Owner } from "./settings.ts";

/** Which service owns a table, and what all other roles are refused: the rule that grants, resource policies and the check at synth all follow. */
export const TABLES = {
  log: { owner: "gateway", denied: [...TABLE_READS, ...TABLE_WRITES] },
  view: { owner: "gateway", denied: [...TABLE_READS, ...TABLE_WRITES] },
  requests: { owner: "orchestrator", denied: TABLE_WRITES },
  claims: { owner: "orchestrator", denied: TABLE_WRITES },
  batches: { owner: "orchestrator", denied: TABLE_WRITES },
  builds: { owner: "orchestrator", denied: TABLE_WRITES },
  /** What is too large for a message or a workflow input; runway may read it. */
  payloads: { owner: "orchestrator", denied: TABLE_WRITES },
  /** Only where a GitHub App is configured. */
  pulls: { owner: "github", denied: [...TABLE_READS, ...TABLE_WRITES], optional: true },
} as const satisfies Record<string, { owner: Owner; denied: readonly string[]; optional?: true }>;
export type TableName = keyof typeof TABLES;

/** Who may send to a topic, and who may take from it. A topic's consumer may also send to its dead-letter queue, from which no role takes. */
export const TOPICS = {
  requests: { senders: ["gateway"], consumer: "orchestrator" },
  signals: { senders: ["orchestrator", "runway"], consumer: "orchestrator" },
  merges: { senders: ["orchestrator"], consumer: "runway" },
  looks: { senders: ["orchestrator"], consumer: "orchestrator" },
  /** The gateway tells its own consumer what it has written itself, so that one function publishes every event. */
  log: { senders: ["orchestrator", "gateway"], consumer: "gateway" },
  /** Only where a GitHub App is configured: what concerns pull requests. */
  pulls: { senders: ["github"], consumer: "github", optional: true },
  /** Only where a GitHub App is configured: lifecycle events, which EventBridge sends. */
  events: { senders: [], services: ["events.amazonaws.com"], consumer: "github", optional: true },
} as const satisfies Record<
  string,
  { senders: readonly Owner[]; services?: readonly string[]; consumer: Owner; optional?: true }
>;
export type TopicName = keyof typeof TOPICS;

/** Who publishes lifecycle events: on the one bus of the deployment. */
export const BUS = { owner: "gateway" } as const satisfies { owner: Owner };
