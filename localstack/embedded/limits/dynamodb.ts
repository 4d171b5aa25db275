import { AWS_LIMITS } from "../../../functions/contracts/limits.ts";
import { KEY } from "../../../functions/contracts/tables.ts";
import { AwsError } from "../aws-error.ts";

const EXPRESSIONS = [
  "ConditionExpression",
  "FilterExpression",
  "KeyConditionExpression",
  "ProjectionExpression",
  "UpdateExpression",
];

const MOST_KEYS_READ = 100;
const MOST_ITEMS_WRITTEN = 25;

/**
 * Holds a call against what DynamoDB takes, beyond what dynalite checks: sizes of items are dynalite's to refuse. Throws AwsError. Keys are
 * measured in bytes; dynalite counts characters.
 */
export function checkItemCall(operation: string, input: Readonly<Record<string, unknown>>): void {
  for (const name of EXPRESSIONS) {
    const expression = input[name];
    if (typeof expression !== "string" || Buffer.byteLength(expression) <= AWS_LIMITS.expressionBytes) continue;
    throw invalid(
      `Invalid ${name}: Expression size has exceeded the maximum allowed size; expression size: ${Buffer.byteLength(expression)}`,
    );
  }
  const requests = Object.values(recordOf(input["RequestItems"]));
  if (operation === "BatchGetItem") {
    const keys = requests.flatMap((request) => listOf(recordOf(request)["Keys"]));
    if (keys.length > MOST_KEYS_READ) throw invalid("Too many items requested for the BatchGetItem call");
    for (const key of keys) checkKeys(recordOf(key));
  }
  if (operation === "BatchWriteItem" && requests.flatMap(listOf).length > MOST_ITEMS_WRITTEN)
    throw invalid("Too many items requested for the BatchWriteItem call");
  checkKeys(recordOf(input["Key"]));
  checkKeys(recordOf(input["Item"]));
}

function checkKeys(item: Readonly<Record<string, unknown>>): void {
  if (bytesIn(item[KEY.pk]) > AWS_LIMITS.partitionKeyBytes)
    throw invalid(
      `One or more parameter values were invalid: Size of hashkey has exceeded the maximum size limit of ${AWS_LIMITS.partitionKeyBytes} bytes`,
    );
  if (bytesIn(item[KEY.sk]) > AWS_LIMITS.sortKeyBytes)
    throw invalid(
      `One or more parameter values were invalid: Aggregated size of all range keys has exceeded the size limit of ${AWS_LIMITS.sortKeyBytes} bytes`,
    );
}

const bytesIn = (value: unknown): number => Buffer.byteLength(String(recordOf(value)["S"] ?? ""));

const recordOf = (value: unknown): Readonly<Record<string, unknown>> =>
  typeof value === "object" && value !== null ? { ...value } : {};

const listOf = (value: unknown): readonly unknown[] => (Array.isArray(value) ? value : []);

const invalid = (why: string): AwsError => new AwsError("ValidationException", why);
