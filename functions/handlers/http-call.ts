import { Buffer } from "node:buffer";
import type { APIGatewayProxyEventV2 } from "aws-lambda";
import { z } from "zod";
import { CodedError } from "../contracts/errors.ts";
import { faultsOf, invalid, pointer } from "./http-problem.ts";

/** A call as a route sees it. Each reader throws a CodedError of the caller's. */
export interface Call {
  readonly requestId: string;
  /** A parameter of the path, percent-decoded. */
  readonly param: (name: string) => string;
  /** All query parameters, unknown ones included, so that the schema can refuse them. */
  readonly query: <T>(schema: z.ZodType<T>) => T;
  /** Undefined when the caller did not send it. */
  readonly header: <T>(name: string, schema: z.ZodType<T>) => T | undefined;
  /** The JSON body; an absent one counts as `absent`, when given. */
  readonly body: <T>(schema: z.ZodType<T>, absent?: unknown) => T;
}

/** What SQS takes in one message: no body that is larger could travel on. */
const MAX_BODY_BYTES = 256 * 1024;

/** What we rely on of the event of an HTTP API, payload format 2.0. */
const HttpEvent = z.object({
  version: z.literal("2.0"),
  rawPath: z.string(),
  headers: z.record(z.string(), z.string()),
  queryStringParameters: z.record(z.string(), z.string()).optional(),
  requestContext: z.object({ requestId: z.string(), http: z.object({ method: z.string(), path: z.string() }) }),
  body: z.string().optional(),
  isBase64Encoded: z.boolean(),
});
export const isHttpEvent = (event: unknown): event is APIGatewayProxyEventV2 => HttpEvent.safeParse(event).success;

export const requestIdOf = (event: APIGatewayProxyEventV2): string => event.requestContext.requestId;

export const callOf = (event: APIGatewayProxyEventV2): Call => ({
  requestId: requestIdOf(event),
  param: (name) => decoded(event.pathParameters?.[name] ?? ""),
  query: (schema) => {
    const parsed = schema.safeParse(event.queryStringParameters ?? {});
    if (!parsed.success) throw invalid(faultsOf(parsed.error, (path) => path.join(".")));
    return parsed.data;
  },
  header: (name, schema) => {
    const value = event.headers[name.toLowerCase()];
    if (value === undefined) return undefined;
    const parsed = schema.safeParse(value);
    if (!parsed.success) throw invalid(faultsOf(parsed.error, () => name));
    return parsed.data;
  },
  body: (schema, absent) => {
    const parsed = schema.safeParse(jsonOf(event, absent));
    if (!parsed.success) throw invalid(faultsOf(parsed.error, pointer));
    return parsed.data;
  },
});

/** API Gateway has decoded some characters of a path and left others. What can't be decoded stays as it came, and is unknown as such. */
function decoded(segment: string): string {
  try {
    return decodeURIComponent(segment);
  } catch {
    return segment;
  }
}

function jsonOf(event: APIGatewayProxyEventV2, absent: unknown): unknown {
  const { body = "", headers, isBase64Encoded } = event;
  const bytes = Buffer.from(body, isBase64Encoded ? "base64" : "utf8");
  if (bytes.byteLength > MAX_BODY_BYTES)
    throw new CodedError(
      "request.too_large",
      `A body has at most ${MAX_BODY_BYTES} bytes; this one has ${bytes.byteLength}.`,
    );
  if (bytes.byteLength === 0 && absent !== undefined) return absent;
  const type = headers["content-type"] ?? "";
  if (!/^application\/json\s*(;|$)/i.test(type.trim()))
    throw new CodedError("request.unsupported_media_type", "Send the body as application/json.");
  try {
    return JSON.parse(new TextDecoder("utf-8", { fatal: true }).decode(bytes));
  } catch (cause) {
    throw new CodedError("request.malformed_json", `The body is not JSON: ${String(cause)}.`, { cause });
  }
}
