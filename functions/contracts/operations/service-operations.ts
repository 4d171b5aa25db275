import * as z from "zod";
import { Links, Me, Ping } from "../api/service-views.ts";
import { AT } from "./examples.ts";
import type { Operation } from "./operation.ts";

/** The operations about the API itself. */
export const SERVICE_OPERATIONS: readonly Operation[] = [
  {
    id: "getMe",
    method: "get",
    path: "/v1/me",
    tag: "Service",
    summary: "Who am I?",
    description: "Who makes this call, as the API knows it, and what the caller may do in each queue.",
    answer: {
      status: 200,
      description: "The caller.",
      schema: Me,
      example: {
        kind: "iam",
        name: "arn:aws:iam::123456789012:user/ada",
        groups: [],
        queues: [{ name: "main", rights: { land: true, cancelOthers: false, priority: false, operate: false } }],
      },
    },
    errors: [],
  },
  {
    id: "getLinks",
    method: "get",
    path: "/v1",
    tag: "Service",
    summary: "Where to go on",
    description: "The addresses that the API leads on to.",
    answer: {
      status: 200,
      description: "The addresses.",
      schema: Links,
      example: { links: { queues: "/v1/queues", ping: "/v1/ping" } },
    },
    errors: [],
  },
  {
    id: "ping",
    method: "get",
    path: "/v1/ping",
    tag: "Service",
    summary: "Is the API there?",
    description: "Answers without a call to anything else.",
    answer: {
      status: 200,
      description: "The API is there.",
      schema: Ping,
      example: { service: "gateway", version: "0.1.0", time: AT },
    },
    errors: [],
  },
  {
    id: "getApiDocument",
    method: "get",
    path: "/v1/openapi.json",
    tag: "Service",
    summary: "Show this document",
    description: "The OpenAPI document of this API.",
    answer: {
      status: 200,
      description: "An OpenAPI 3.1 document.",
      schema: z.looseObject({ openapi: z.string(), paths: z.record(z.string(), z.unknown()) }),
      example: { openapi: "3.1.0", paths: {} },
    },
    errors: [],
  },
  {
    id: "getReferencePage",
    method: "get",
    path: "/docs",
    tag: "Service",
    summary: "Read this document as a page",
    description: "The same document as a web page, without scripts and without anything that is loaded from elsewhere.",
    answer: { status: 200, description: "A page.", type: "text/html" },
    errors: [],
  },
];
