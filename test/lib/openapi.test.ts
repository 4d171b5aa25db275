import { readFileSync } from "node:fs";
import { createConfig, lintFromString } from "@redocly/openapi-core";
import { describe, expect, it } from "vitest";
import { OPERATIONS } from "../../functions/contracts/operations/index.ts";
import { routesOf } from "../../functions/handlers/gateway/api.lambda.ts";
import type { Gateway } from "../../functions/handlers/gateway/gateway.ts";
import committed from "../../functions/handlers/gateway/openapi.json" with { type: "json" };
import { DESCRIPTIONS } from "../../lib/openapi/descriptions.ts";
import { apiDocument } from "../../lib/openapi/document.ts";
import { validatorOf } from "../support/api-document.ts";

const { version } = JSON.parse(readFileSync("package.json", "utf8"));

describe("the API document", () => {
  it("is the committed one: npm run openapi writes it", () => {
    expect(committed).toEqual(apiDocument(version));
  });

  it("has each route of the gateway, and no other", () => {
    const served = routesOf({ queues: new Map() } as unknown as Gateway, version).map(
      ({ method, path }) => `${method.toLowerCase()} ${path}`,
    );
    // The page's address: a program gets the same as at /v1.
    const documented = ["get /", ...OPERATIONS.map(({ method, path }) => `${method} ${path}`)];
    expect(served.toSorted()).toEqual(documented.toSorted());
  });

  it("takes the query parameters that the routes take", () => {
    const routes = routesOf({ queues: new Map() } as unknown as Gateway, version);
    const taken = Object.fromEntries(
      routes.map(({ method, path, takes = [] }) => [`${method.toLowerCase()} ${path}`, takes.toSorted()]),
    );
    for (const { method, path, query } of OPERATIONS)
      expect([path, Object.keys(query?.shape ?? {}).sort()]).toEqual([path, taken[`${method} ${path}`]]);
  });

  it("has nothing that redocly's recommended rules find", async () => {
    const source = JSON.stringify(committed);
    const config = await createConfig({ extends: ["recommended"] });
    const found = await lintFromString({ source, absoluteRef: "openapi.json", config });
    expect(found.map(({ ruleId, message, location }) => [ruleId, message, location[0]?.pointer])).toEqual([]);
    const broken = source.replace('"operationId":"land"', '"operationId":"ping"');
    expect(await lintFromString({ source: broken, absoluteRef: "openapi.json", config })).not.toEqual([]);
  });

  it("has examples that are as their schemas say", () => {
    const validator = validatorOf(committed);
    for (const { id, body, answer, otherwise } of OPERATIONS) {
      expect([id, body && validator.ofBody(id, body.example)]).toEqual([id, body && []]);
      for (const { schema, status, example } of [answer, otherwise ?? []].flat())
        if (schema !== undefined) expect([id, validator.ofExample(id, status, example)]).toEqual([id, []]);
    }
  });

  it("describes each schema that it names, and each field of each", () => {
    const schemas: Record<string, { properties?: object; type?: unknown }> = committed.components.schemas;
    expect(Object.keys(DESCRIPTIONS).sort()).toEqual(Object.keys(schemas).sort());
    for (const [name, { properties = {} }] of Object.entries(schemas))
      expect([name, Object.keys(DESCRIPTIONS[name]?.fields ?? {}).sort()]).toEqual([
        name,
        Object.keys(properties).sort(),
      ]);
  });

  it("lets answers get new fields, and no call", () => {
    const { RequestSummary, LandBody } = committed.components.schemas;
    expect(RequestSummary).not.toHaveProperty("additionalProperties");
    expect(LandBody.additionalProperties).toBe(false);
  });
});
