/**
 * The names of the environment variables that stacks set and handlers read. One catalogue, so that a misspelt name is a type error
 * on either side.
 */
export const ENV = {
  /** Path of the queue configuration as JSON (QueuesConfig), beside the code. */
  queuesFile: "QUEUES_FILE",
  logTable: "LOG_TABLE",
  viewTable: "VIEW_TABLE",
  requestsTable: "REQUESTS_TABLE",
  claimsTable: "CLAIMS_TABLE",
  batchesTable: "BATCHES_TABLE",
  buildsTable: "BUILDS_TABLE",
  payloadsTable: "PAYLOADS_TABLE",
  requestsTopic: "REQUESTS_TOPIC_URL",
  signalsTopic: "SIGNALS_TOPIC_URL",
  mergesTopic: "MERGES_TOPIC_URL",
  logTopic: "LOG_TOPIC_URL",
  looksTopic: "LOOKS_TOPIC_URL",
  /** Where a consumer sends what it can't read, with the reason. */
  deadLetters: "DEAD_LETTERS_URL",
  admitWorkflow: "ADMIT_WORKFLOW_ARN",
  buildWorkflow: "BUILD_WORKFLOW_ARN",
  askWorkflow: "ASK_WORKFLOW_ARN",
  /** Where CI systems that speak HTTP call back. */
  buildReports: "BUILD_REPORTS_URL",
  /** "yes" where CI systems on this very machine may be called. */
  loopback: "LOOPBACK_ALLOWED",
  /** A directory that outlives an invocation, not necessarily a restart: bare clones, sandboxes. */
  workDirectory: "WORK_DIRECTORY",
  pullsTable: "PULLS_TABLE",
  pullsTopic: "PULLS_TOPIC_URL",
  /** The address of the gateway's API. */
  gatewayUrl: "GATEWAY_URL",
  /** How the API authenticates callers (ApiAuth). */
  apiAuth: "API_AUTH",
  /** The name of the EventBridge bus that lifecycle events are published on. */
  eventBus: "EVENT_BUS",
  /** Tells deployments apart in the source of lifecycle events: `<account>.<region>`. */
  deployment: "DEPLOYMENT",
  version: "SUBMITQUEUE_VERSION",
  /** Where the files of the page are, beside the code. */
  pageDirectory: "PAGE_DIRECTORY",
  /** JSON: how people who open the page log in (PageAccess in contracts/page.ts). */
  pageAccess: "PAGE_ACCESS",
} as const;
export type EnvName = (typeof ENV)[keyof typeof ENV];
