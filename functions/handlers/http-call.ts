import { Buffer } from "node:buffer";
import type { APIGatewayProxyEventV2 } from "aws-lambda";
import * as z from "zod";
import type { Caller } from "../contracts/caller.ts";
import { CodedError } from "../contracts/errors.ts";
import { jsonOf } from "./http-json.ts";
import { faultsOf, invalid, pointer } from "./http-problem.ts";
import { parametersIn } from "./http-query.ts";
import { inWords } from "./http-words.ts";

/** A call, as a route reads it. Each reader throws a CodedError that blames the caller when the call has no valid value. */
export interface Call {
  readonly requestId: string;
  readonly caller: Caller;
  /** The part of the call's path before the path of the route: empty, or `/jwt`. Links in an answer begin with the same part. */
  readonly prefix: string;
  /** The bytes of the body, as the caller sent them. */
  readonly rawBody: Uint8Array;
  /** A parameter of the path, percent-decoded. */
  readonly param: (name: string) => string;
  /** The query parameters: those that the route takes, each once and with a value. */
  readonly query: <T>(schema: z.ZodType<T>) => T;
  /** A header. Undefined when the caller did not send the header. */
  readonly header: <T>(name: string, schema: z.ZodType<T>) => T | undefined;
  /** The JSON body; an absent one counts as `absent`, when given. */
  readonly body: <T>(schema: z.ZodType<T>, absent?: unknown) => T;
}

/** The most bytes of a body: SQS takes no larger message, so a larger body could not be sent on. */
const MAX_BODY_BYTES = 256 * 1024;

/** The fields of the event of an HTTP API (payload format 2.0) that this file uses. */
const HttpEvent = z.object({
  version: z.literal("2.0"),
  rawPath: z.string(),
  rawQueryString: z.string(),
  headers: z.record(z.string(), z.string()),
  requestContext: z.object({ requestId: z.string(), http: z.object({ method: z.string(), path: z.string() }) }),
  body: z.string().optional(),
  isBase64Encoded: z.boolean(),
});
export const isHttpEvent = (event: unknown): event is APIGatewayProxyEventV2 => HttpEvent.safeParse(event).success;

export const requestIdOf = (event: APIGatewayProxyEventV2): string => event.requestContext.requestId;

/** What is known of a call beside its event. */
interface CallContext {
  /** The query parameters that the route takes. */
  readonly takes: readonly string[];
  readonly caller: Caller;
  readonly prefix: string;
}

const CHANGING: ReadonlySet<string> = new Set(["POST", "PATCH"]);

/**
 * The call of a route. Throws request.invalid for a query parameter that the route does not take, and request.unsupported_media_type for
 * a POST or PATCH that does not say that it is JSON.
 */
export function callOf(event: APIGatewayProxyEventV2, { takes, caller, prefix }: CallContext): Call {
  const parameters = parametersIn(event.rawQueryString, takes);
  if (CHANGING.has(event.requestContext.http.method)) requireJson(event);
  return { ...readersOf(event, parameters), requestId: requestIdOf(event), caller, prefix };
}

type Readers = Omit<Call, "requestId" | "caller" | "prefix">;

const readersOf = (event: APIGatewayProxyEventV2, parameters: Readonly<Record<string, string>>): Readers => ({
  get rawBody() {
    return bytesOf(event);
  },
  param: (name) => decoded(event.pathParameters?.[name] ?? ""),
  query: (schema) => {
    const parsed = schema.safeParse(parameters, { error: inWords });
    if (!parsed.success) throw invalid(faultsOf(parsed.error, (path) => path.join(".")));
    return parsed.data;
  },
  header: (name, schema) => {
    const value = event.headers[name.toLowerCase()];
    if (value === undefined) return undefined;
    const parsed = schema.safeParse(value, { error: inWords });
    if (!parsed.success) throw invalid(faultsOf(parsed.error, () => name));
    return parsed.data;
  },
  body: (schema, absent) => {
    const parsed = schema.safeParse(bodyOf(event, absent), { error: inWords });
    if (!parsed.success) throw invalid(faultsOf(parsed.error, pointer));
    return parsed.data;
  },
});

/**
 * A segment of a path, percent-decoded. API Gateway decodes only some characters. A segment that can't be decoded is answered as it is, and
 * matches nothing.
 */
function decoded(segment: string): string {
  try {
    return decodeURIComponent(segment);
  } catch {
    return segment;
  }
}

const JSON_TYPE = /^application\/json\s*(?:;\s*(?:charset\s*=\s*"?utf-8"?\s*)?)?$/i;

/**
 * Throws unless the call's content type is JSON, also when the call has no body. It protects callers in a browser: a page of another origin
 * can send a POST to any address, but before a POST with this content type the browser asks the server, which allows no other origin.
 */
function requireJson({ headers }: APIGatewayProxyEventV2): void {
  const type = headers["content-type"];
  if (type !== undefined && JSON_TYPE.test(type.trim())) return;
  throw new CodedError(
    "request.unsupported_media_type",
    `Send the header content-type: application/json with every POST and PATCH, with a body (in UTF-8) or without. ${type === undefined ? "This call has no content type" : `This call says ${type}`}.`,
  );
}

const bytesOf = ({ body = "", isBase64Encoded }: APIGatewayProxyEventV2): Buffer =>
  Buffer.from(body, isBase64Encoded ? "base64" : "utf8");

function bodyOf(event: APIGatewayProxyEventV2, absent: unknown): unknown {
  const bytes = bytesOf(event);
  if (bytes.byteLength > MAX_BODY_BYTES)
    throw new CodedError(
      "request.too_large",
      `A body has at most ${MAX_BODY_BYTES} bytes; this one has ${bytes.byteLength}.`,
    );
  return bytes.byteLength === 0 && absent !== undefined ? absent : jsonOf(bytes);
}
