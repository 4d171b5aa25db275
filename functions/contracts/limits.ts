/** What AWS takes, in bytes of UTF-8 unless the name says otherwise. Sources: the quota pages of each service. */
export const AWS_LIMITS = {
  /** Of SQS: body and attributes of a message, and of all messages of one batch call. The topics are deployed with it. */
  messageBytes: 262_144,
  /** Of SQS: messages in one batch call. */
  messagesPerCall: 10,
  /** Of EventBridge: events in one PutEvents call. */
  eventsPerCall: 10,
  /** Of EventBridge: all events of one PutEvents call. */
  eventBytes: 262_144,
  /** Of Step Functions: the input of an execution, and the input or output of a state. */
  stateBytes: 262_144,
  /** Of Step Functions: the events in the history of an execution. */
  historyEvents: 25_000,
  /** Of DynamoDB: an item, the names of its attributes included. */
  itemBytes: 409_600,
  /** Of DynamoDB: a partition key. */
  partitionKeyBytes: 2_048,
  /** Of DynamoDB: a sort key. */
  sortKeyBytes: 1_024,
  /** Of DynamoDB: a condition, filter, key or update expression. */
  expressionBytes: 4_096,
  /** Of Lambda: what a function is called with and what it answers, when the caller waits. */
  lambdaPayloadBytes: 6_291_456,
} as const;

/** How many bytes the requests in one answer of the API take at most: Lambda answers 6 MB. The rest is left for what else the answer says. */
export const ANSWER_BYTES = 5_500_000;

/** A payload up to this size travels in its message or workflow input; a larger one by reference. The rest is left for what is added on the way. */
export const INLINE_BYTES = 200_000;

/** How many bytes of a request, and of the batch that carries it, each part may take. Together they leave 29,600 bytes of an item free. */
export const STORED_BYTES = {
  /** The change URIs of a request. */
  changes: 60_000,
  /** The repository paths that a request touches: beyond it, it counts as touching everything. */
  touchedPaths: 150_000,
  /** What pull requests say for the messages of squashes. */
  messages: 20_000,
  /** The build targets that a request names: beyond it, the request counts as affecting everything. */
  targets: 20_000,
  /** The authors of a request. */
  authors: 10_000,
  /** The paths (builds) of a batch. Builds that have finished and tell the least are forgotten beyond it. */
  builds: 80_000,
  /** The announcements of a batch that are not known to be sent. */
  outbox: 40_000,
} as const;
