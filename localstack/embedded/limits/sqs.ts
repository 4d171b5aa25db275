import * as z from "zod";
import { AWS_LIMITS } from "../../../functions/contracts/limits.ts";
import { AwsError } from "../aws-error.ts";

const Attribute = z.looseObject({
  DataType: z.string().default(""),
  StringValue: z.string().optional(),
  BinaryValue: z.string().optional(),
});
const Message = z.looseObject({
  MessageBody: z.string().default(""),
  MessageGroupId: z.string().optional(),
  MessageDeduplicationId: z.string().optional(),
  MessageAttributes: z.record(z.string(), Attribute).default({}),
});
type Message = z.infer<typeof Message>;
const Entry = Message.extend({ Id: z.string() });
const Batch = z.looseObject({ Entries: z.array(Entry) });

/** An entry of a batch call that SQS does not take, as SQS tells of it. */
export interface FailedEntry {
  readonly Id: string;
  readonly SenderFault: true;
  readonly Code: string;
  readonly Message: string;
}

/** The characters that SQS takes in a message: those of XML 1.0. A lone surrogate is none of them. */
const FOREIGN = /[^\t\n\r\u{20}-\u{D7FF}\u{E000}-\u{FFFD}\u{10000}-\u{10FFFF}]/u;
export const isForeign = (text: string): boolean => FOREIGN.test(text);

/** Letters, digits and punctuation of ASCII. */
const ID = /^[\x21-\x7e]{1,128}$/;
const MOST_ATTRIBUTES = 10;
const MOST_NAME = 256;

/** As SQS counts: the bytes of the body, and of the name, type and value of each attribute. */
function sizeOf({ MessageBody, MessageAttributes }: Message): number {
  const attributes = Object.entries(MessageAttributes).map(
    ([name, { DataType, StringValue = "", BinaryValue = "" }]) =>
      Buffer.byteLength(name) +
      Buffer.byteLength(DataType) +
      Buffer.byteLength(StringValue) +
      Buffer.byteLength(BinaryValue, "base64"),
  );
  return attributes.reduce((sum, size) => sum + size, Buffer.byteLength(MessageBody));
}

/** What is wrong with one message; undefined when SQS takes it. */
function faultOf(message: Message): AwsError | undefined {
  const invalid = (why: string) => new AwsError("InvalidParameterValue", why);
  const { MessageBody, MessageAttributes } = message;
  if (isForeign(MessageBody))
    return new AwsError(
      "InvalidMessageContents",
      "Invalid characters found. Valid unicode characters are #x9 | #xA | #xD | #x20 to #xD7FF | #xE000 to #xFFFD | #x10000 to #x10FFFF",
    );
  const most = AWS_LIMITS.messageBytes;
  if (sizeOf(message) > most)
    return invalid(`One or more parameters are invalid. Reason: Message must be shorter than ${most} bytes.`);
  for (const name of ["MessageGroupId", "MessageDeduplicationId"] as const) {
    const value = message[name];
    if (value !== undefined && !ID.test(value))
      return invalid(
        `Value ${value} for parameter ${name} is invalid. Reason: ${name} can only include alphanumeric and punctuation characters. 1 to 128 in length.`,
      );
  }
  const attributes = Object.entries(MessageAttributes);
  if (attributes.length > MOST_ATTRIBUTES)
    return invalid(
      `Number of message attributes [${attributes.length}] exceeds the allowed maximum [${MOST_ATTRIBUTES}].`,
    );
  for (const [name, { StringValue, BinaryValue }] of attributes) {
    if (!new RegExp(`^(?!\\.)(?!.*\\.\\.)[A-Za-z0-9_.-]{1,${MOST_NAME}}(?<!\\.)$`).test(name))
      return invalid(`The message attribute name '${name}' is invalid.`);
    if (!StringValue && !BinaryValue)
      return invalid(`The message attribute '${name}' must contain non-empty message attribute value.`);
    if (StringValue !== undefined && isForeign(StringValue))
      return invalid(`The message attribute '${name}' contains invalid characters.`);
  }
  return undefined;
}

/**
 * Holds a call against what SQS takes. Answers the call to make, and the entries of a batch that SQS would not take, which the call leaves
 * out. Throws AwsError when SQS refuses the whole call.
 */
export function screenMessages(
  operation: string,
  input: Readonly<Record<string, unknown>>,
): { readonly input: Readonly<Record<string, unknown>>; readonly failed: readonly FailedEntry[] } {
  if (operation === "SendMessage") {
    const message = Message.safeParse(input);
    const fault = message.success ? faultOf(message.data) : undefined;
    if (fault) throw fault;
    return { input, failed: [] };
  }
  const batch = operation === "SendMessageBatch" ? Batch.safeParse(input) : undefined;
  if (!batch?.success) return { input, failed: [] };
  const { Entries } = batch.data;
  const bytes = Entries.reduce((sum, entry) => sum + sizeOf(entry), 0);
  if (bytes > AWS_LIMITS.messageBytes)
    throw new AwsError(
      "BatchRequestTooLong",
      `Batch requests cannot be longer than ${AWS_LIMITS.messageBytes} bytes. You have sent ${bytes} bytes.`,
    );
  const failed = Entries.flatMap((entry): FailedEntry[] => {
    const fault = faultOf(entry);
    return fault ? [{ Id: entry.Id, SenderFault: true, Code: fault.name, Message: fault.message }] : [];
  });
  const bad = new Set(failed.map(({ Id }) => Id));
  return { input: { ...input, Entries: Entries.filter(({ Id }) => !bad.has(Id)) }, failed };
}
