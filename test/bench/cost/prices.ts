/**
 * What AWS asks, in dollars, in us-east-1, by the price pages of AWS as read on 2026-11-25 (Lambda, DynamoDB on demand, SQS, Step Functions,
 * API Gateway, EventBridge, CloudWatch, X-Ray, Secrets Manager, ECR). List prices: nothing that is free of charge is taken off.
 */
export const PRICES = {
  region: "us-east-1",
  read: "2026-11-25",
  lambdaRequest: 0.2e-6,
  /** For arm64. */
  lambdaGbSecond: 0.000_013_333_4,
  dynamodbWriteUnit: 0.625e-6,
  dynamodbReadUnit: 0.125e-6,
  sqsStandardRequest: 0.4e-6,
  sqsFifoRequest: 0.5e-6,
  transition: 25e-6,
  httpApiRequest: 1e-6,
  /** Ingested into CloudWatch Logs. */
  logGb: 0.5,
  /** Recorded. */
  trace: 5e-6,
  alarmMetricMonth: 0.1,
  secretMonth: 0.4,
  /** Stored in ECR. */
  imageGbMonth: 0.1,
} as const;

/** What the embedded runtime can't measure, set on the high side. */
export const ASSUMED = {
  /** A call of an AWS service from a function, beyond what it takes in one process. */
  callMs: 8,
  /** What git takes longer with a host in the network than with a repository on the same disk, per invocation of runway. */
  remoteMs: 1_500,
  /** START, END and REPORT of an invocation. */
  logBytesPerInvocation: 600,
  /** The events of a state in the log of a workflow, without its data. */
  logBytesPerTransition: 1_500,
  /** Lambda looks at a queue that is empty with five connections, each for twenty seconds at a time. */
  emptyReceivesPerMinute: 15,
  /** Node.js, git and a bundle, compressed. */
  imageGb: 0.15,
} as const;

export const MINUTES_PER_MONTH = 43_800;
