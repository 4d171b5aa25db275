import type { ApiAuth } from "../functions/contracts/caller.ts";
import type { QueuesConfig } from "../functions/contracts/queues.ts";

/** aws: an account. localstack: an endpoint that behaves like one. embedded: one Node.js process that runs the template itself. */
export const TARGETS = ["aws", "localstack", "embedded"] as const;
export type Target = (typeof TARGETS)[number];

/** The identity provider whose tokens the API takes: RSA keys only, as API Gateway checks them. */
export interface JwtSettings {
  /** The provider's issuer, as in the claim `iss`. */
  readonly issuer: string;
  /** A token's `aud` (or `client_id`) names one of these. */
  readonly audience: readonly string[];
  /** A scope that a token must carry. Without one, an ID token passes as well. */
  readonly scope?: string;
  /** The page's client at the provider: public, with PKCE. Without one, the page is opened by `submitqueue ui` alone. */
  readonly clientId?: string;
}

/** Everything that the stacks are built from. */
export interface Settings {
  readonly target: Target;
  readonly queues: QueuesConfig;
  /** Whether tables are protected from deletion, and kept when their stack is deleted. */
  readonly deletionProtection: boolean;
  /** How the HTTP API authenticates callers. `token`: the embedded runtime alone, which listens on loopback only. */
  readonly apiAuth: ApiAuth;
  /** Whose tokens the API takes. Set when `apiAuth` names jwt. */
  readonly jwt?: JwtSettings;
  /** False leaves code out of the templates: functions then carry their entry in their metadata alone. */
  readonly bundle: boolean;
  /** False deploys functions that run git like all others, for an endpoint that runs no container images: git is then its host's. */
  readonly images: boolean;
  /** Where functions find the queue configuration as JSON. */
  readonly queuesFile: string;
  /** Where the function behind the API finds the files of the page. */
  readonly pageDirectory: string;
  /** Absolute: what is copied to `pageDirectory` when code is bundled. */
  readonly pageFiles: string;
  /** Where functions that run git, or commands, keep files. */
  readonly workDirectory: string;
  /** Absolute: what is copied to `queuesFile` when code is bundled. */
  readonly queuesJson: string;
  /** SNS topic that alarms notify. */
  readonly alarmTopicArn?: string;
  readonly version: string;
}

const OWNERS = ["gateway", "orchestrator", "runway", "github"] as const;
export type Owner = (typeof OWNERS)[number];

/** The keys under which a template says what a resource is for; the checks and the embedded runtime read them. */
export const METADATA = {
  /** On a function: `gateway/api`. */
  function: "submitqueue:function",
  /** On a function: the file, relative to the repository, that exports `wire` and `handler`. */
  entry: "submitqueue:entry",
  /** On a table: `log`. */
  table: "submitqueue:table",
  /** On a queue: `requests`. */
  topic: "submitqueue:topic",
  /** On a dead-letter queue: the topic whose messages end there. */
  deadLettersOf: "submitqueue:dead-letters-of",
  /** On a state machine: `admit`. */
  workflow: "submitqueue:workflow",
} as const;
