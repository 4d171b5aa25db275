import type * as z from "zod";
import type { ErrorCode } from "../errors.ts";

/** One operation of the HTTP API: what the API document, its examples and the tests of the API are made from. */
export interface Operation {
  readonly id: string;
  readonly method: "get" | "post" | "patch";
  readonly path: `/${string}`;
  readonly tag: (typeof TAGS)[number]["name"];
  readonly summary: string;
  readonly description: string;
  readonly parameters?: z.ZodObject;
  readonly query?: z.ZodObject;
  readonly headers?: z.ZodObject;
  readonly body?: { readonly schema: z.ZodType; readonly required: boolean; readonly example: unknown };
  /** What the call of the example is answered. */
  readonly answer: OperationAnswer;
  /** What other calls of the operation are answered, under another status. */
  readonly otherwise?: OperationAnswer;
  /** The codes that this operation can be refused with, beside those of every operation. */
  readonly errors: readonly ErrorCode[];
}

interface OperationAnswer {
  readonly status: 200 | 202;
  readonly description: string;
  /** Undefined for an answer that is not JSON. */
  readonly schema?: z.ZodType;
  readonly type?: string;
  readonly example?: unknown;
  /** Headers that the answer carries beside those of every answer. */
  readonly headers?: readonly "location"[];
}

export const TAGS = [
  { name: "Requests", description: "Land changes, and follow the requests to land them." },
  { name: "Queues", description: "How queues stand, and how they run." },
  { name: "Service", description: "About the API itself." },
] as const;

/** The codes that any operation can be refused with. */
export const ERRORS_OF_ALL: readonly ErrorCode[] = [
  "request.invalid",
  "caller.unauthenticated",
  "request.headers_too_large",
  "request.foreign_host",
  "request.foreign_origin",
  "service.overloaded",
  "store.unavailable",
  "internal",
];

/** The codes that an operation with a body can be refused with. */
export const ERRORS_OF_BODIES: readonly ErrorCode[] = [
  "request.malformed_json",
  "request.unsupported_media_type",
  "request.too_large",
];
