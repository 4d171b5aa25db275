import * as z from "zod";
import { createDocument, type ZodOpenApiOperationObject, type ZodOpenApiResponsesObject } from "zod-openapi";
import { Timestamp } from "../../functions/contracts/api/fields.ts";
import { LandBody } from "../../functions/contracts/api/land-call.ts";
import { Problem } from "../../functions/contracts/api/problem.ts";
import { Preflight, Trial } from "../../functions/contracts/api/question-views.ts";
import { ModeBody, ResumeBody } from "../../functions/contracts/api/queue-calls.ts";
import {
  BuildState,
  EndedRequest,
  QueuedRequest,
  QueueList,
  QueueNow,
  QueueView,
} from "../../functions/contracts/api/queue-views.ts";
import { CancelBody, PriorityBody, RecheckBody } from "../../functions/contracts/api/request-calls.ts";
import {
  BuildOutcome,
  HistoryEntry,
  HistoryPage,
  RequestPage,
  RequestSummary,
  Why,
} from "../../functions/contracts/api/request-views.ts";
import { Links, Me, Ping, Rights } from "../../functions/contracts/api/service-views.ts";
import { Tally, TrendBucket, Trends } from "../../functions/contracts/api/trend-views.ts";
import { ChangeUri } from "../../functions/contracts/change-uri.ts";
import { type ErrorCode, kindOf } from "../../functions/contracts/errors.ts";
import { BuildKey, GitSha, QuestionId, QueueName, RequestNumber, Sqid } from "../../functions/contracts/ids.ts";
import { Blocker, Happening, Metadata, Status } from "../../functions/contracts/log-event.ts";
import { OPERATIONS } from "../../functions/contracts/operations/index.ts";
import {
  ERRORS_OF_ALL,
  ERRORS_OF_BODIES,
  type Operation,
  TAGS,
} from "../../functions/contracts/operations/operation.ts";
import { Finding, Touched } from "../../functions/contracts/questions.ts";
import { Priority, QueueMode } from "../../functions/contracts/queues.ts";
import { Reason } from "../../functions/contracts/reasons.ts";
import { MergeStrategy } from "../../functions/contracts/strategy.ts";
import { DESCRIPTIONS } from "./descriptions.ts";

/** The schemas that the document names. */
const NAMED = {
  LandBody,
  CancelBody,
  PriorityBody,
  ModeBody,
  RecheckBody,
  ResumeBody,
  RequestSummary,
  RequestPage,
  HistoryPage,
  HistoryEntry,
  Why,
  BuildOutcome,
  QueueView,
  QueueNow,
  QueuedRequest,
  EndedRequest,
  BuildState,
  QueueList,
  Trial,
  Preflight,
  Finding,
  Touched,
  Trends,
  TrendBucket,
  Tally,
  Me,
  Rights,
  Links,
  Ping,
  Problem,
  Timestamp,
  ChangeUri,
  QueueName,
  RequestNumber,
  Sqid,
  BuildKey,
  QuestionId,
  GitSha,
  Status,
  Happening,
  Blocker,
  Metadata,
  Reason,
  Priority,
  QueueMode,
  MergeStrategy,
} as const;

const JSON_TYPE = "application/json";
const PROBLEM_TYPE = "application/problem+json";

/** The OpenAPI 3.1 document of the API, from the schemas of contracts. The same text each time. */
export function apiDocument(version: string): Readonly<Record<string, unknown>> {
  const paths = Object.fromEntries(
    [...Map.groupBy(OPERATIONS, ({ path }) => path)].map(([path, operations]) => [
      path,
      Object.fromEntries(operations.map((operation) => [operation.method, operationObject(operation)])),
    ]),
  );
  const document = createDocument(
    {
      openapi: "3.1.0",
      info: {
        title: "Submitqueue",
        version,
        summary: "A submit queue keeps the trunk of a busy repository green.",
        description: ABOUT,
        license: { name: "Apache-2.0", identifier: "Apache-2.0" },
      },
      servers: [
        { url: "/", description: "The server that this document comes from." },
        {
          url: "/jwt",
          description:
            "The same calls with a bearer token, where the API takes signed calls and tokens beside each other.",
        },
      ],
      tags: [...TAGS],
      security: [{ sigv4: [] }, { bearer: [] }, {}],
      paths,
      components: {
        schemas: { ...NAMED },
        securitySchemes: SECURITY_SCHEMES,
        headers: HEADERS,
        examples: Object.fromEntries(
          [...new Set(OPERATIONS.flatMap(codesOf))].map((code) => [code, problemExample(code)]),
        ),
      },
    },
    { override: rendered, outputIdSuffix: "Output" },
  );
  return JSON.parse(JSON.stringify(document));
}

const ABOUT = `Ask for changes to be landed, follow them, and say how queues run.

A POST or PATCH says \`content-type: application/json\`, with a body or without. A query parameter or field that a call does not know is refused. A refused call is answered with a problem document (RFC 9457), whose \`code\` is stable. Every answer has an \`x-request-id\`. Fields may be added to answers: ignore those that you do not know.

On AWS, API Gateway stands in front and refuses some calls by itself, with \`{"message": …}\` for a body: 401 and 403 for a call without credentials that it takes, 413 and 431 for one that is too large, 429 for one too many in a second, 503 for an answer that takes longer than 30 seconds.`;

const SECURITY_SCHEMES = {
  sigv4: {
    type: "apiKey",
    in: "header",
    name: "authorization",
    description: "A call that is signed with AWS credentials: Signature Version 4, service execute-api.",
    "x-amazon-apigateway-authtype": "awsSigv4",
  },
  bearer: {
    type: "http",
    scheme: "bearer",
    description:
      "A token of the identity provider that the deployment trusts, or the token that the embedded runtime prints at its start.",
  },
} as const;

function operationObject(operation: Operation): ZodOpenApiOperationObject {
  const { id, tag, summary, description, parameters, query, headers, body } = operation;
  const requestParams = {
    ...(parameters === undefined ? {} : { path: parameters }),
    ...(query === undefined ? {} : { query }),
    ...(headers === undefined ? {} : { header: headers }),
  };
  return {
    operationId: id,
    tags: [tag],
    summary,
    description,
    requestParams,
    ...(body === undefined
      ? {}
      : {
          requestBody: {
            required: body.required,
            content: { [JSON_TYPE]: { schema: body.schema, examples: { example: { value: body.example } } } },
          },
        }),
    responses: responsesOf(operation),
  };
}

const codesOf = ({ body, errors }: Operation): readonly ErrorCode[] => [
  ...ERRORS_OF_ALL,
  ...(body === undefined ? [] : ERRORS_OF_BODIES),
  ...errors,
];

function responsesOf(operation: Operation): ZodOpenApiResponsesObject {
  const { answer, otherwise } = operation;
  const responses: Record<string, NonNullable<ZodOpenApiResponsesObject[`${1}${string}`]>> = {};
  for (const { status, description, schema, type = JSON_TYPE, example, headers = [] } of [
    answer,
    otherwise ?? [],
  ].flat())
    responses[status] = {
      description,
      headers: headersOf("x-request-id", ...headers),
      content: {
        [type]: schema === undefined ? { schema: z.string() } : { schema, examples: { example: { value: example } } },
      },
    };
  for (const [errorStatus, group] of Map.groupBy(codesOf(operation), (code) => kindOf(code).status))
    responses[errorStatus] = problemResponse(errorStatus, group);
  return responses as ZodOpenApiResponsesObject;
}

const text = { type: "string" } as const;
const HEADERS = {
  "x-request-id": { description: "The id of this call in the service's log.", schema: text },
  "retry-after": { description: "Seconds after which the call may be repeated.", schema: text },
  "www-authenticate": { description: "How the API wants callers to say who they are.", schema: text },
  location: { description: "The path to follow.", schema: text },
} as const;

const headersOf = (...names: readonly (keyof typeof HEADERS)[]) =>
  Object.fromEntries(names.map((name) => [name, { $ref: `#/components/headers/${name}` as const }]));

function problemResponse(status: number, codes: readonly ErrorCode[]) {
  const more = status === 401 ? ["www-authenticate" as const] : status === 503 ? ["retry-after" as const] : [];
  return {
    description: codes.map((code) => `\`${code}\`: ${kindOf(code).title}.`).join(" "),
    headers: headersOf("x-request-id", ...more),
    content: {
      [PROBLEM_TYPE]: {
        schema: Problem,
        examples: Object.fromEntries(codes.map((code) => [code, { $ref: `#/components/examples/${code}` as const }])),
      },
    },
  };
}

function problemExample(code: ErrorCode) {
  const { title, status } = kindOf(code);
  const instance = "/v1/queues/main/requests";
  const detail = "What is wrong, and what to do.";
  return { summary: title, value: { type: `urn:submitqueue:problem:${code}`, title, status, code, detail, instance } };
}

const nameOf = new Map<z.ZodType, string>(Object.entries(NAMED).map(([name, schema]) => [schema, name]));

type Rendered = {
  additionalProperties?: unknown;
  pattern?: unknown;
  description?: string;
  properties?: Record<string, { description?: string; $ref?: string }>;
  title?: string;
};

/** What zod's own rendering lacks: descriptions, room for new fields in answers, and patterns that people can read. */
function rendered({
  jsonSchema,
  zodSchema,
  io,
}: {
  jsonSchema: unknown;
  zodSchema: unknown;
  io: "input" | "output";
}): void {
  const schema = jsonSchema as Rendered;
  // A client that is made from the document must not break when an answer gets a field.
  if (io === "output" && schema.additionalProperties === false) delete schema.additionalProperties;
  if (zodSchema === Timestamp) delete schema.pattern;
  const described = DESCRIPTIONS[nameOf.get(zodSchema as z.ZodType) ?? ""];
  if (described === undefined) return;
  schema.description = described.about;
  for (const [property, description] of Object.entries(described.fields ?? {})) {
    const field = schema.properties?.[property];
    // A copy: fields of one schema share their object.
    if (schema.properties && field) schema.properties[property] = { ...field, description };
  }
}
