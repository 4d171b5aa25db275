import { Client } from "@modelcontextprotocol/sdk/client/index.js";
import { InMemoryTransport } from "@modelcontextprotocol/sdk/inMemory.js";
import { CallToolResultSchema } from "@modelcontextprotocol/sdk/types.js";
import { afterEach, expect, it } from "vitest";
import { mcpServer } from "../../../client/mcp/server.ts";

const CHANGE = `git://localhost/shop/refs%2Fheads%2Fx/${"a".repeat(40)}`;
const AT = "2026-11-25T10:00:00.000Z";
const WHY = { sqid: "main/7", status: "accepted", ended: false, since: AT, builds: [], sentence: "Read." };
const SUMMARY = {
  ...{ sqid: "main/7", queue: "main", number: 7, status: "accepted", ended: false, changes: [CHANGE] },
  ...{ strategy: "REBASE", priority: 0, receivedAt: AT, updatedAt: AT, metadata: {} },
};

const closing: (() => unknown)[] = [];
afterEach(async () => {
  for (const close of closing.splice(0)) await close();
});

/** A client of a server whose queue answers with one request, and what that queue was asked for. */
async function agent(more: object = {}) {
  const asked: unknown[] = [];
  const queue = {
    page: async () => ({ requests: [] }),
    request: async () => SUMMARY,
    land: async (...args: unknown[]) => {
      asked.push(args);
      return SUMMARY;
    },
    why: async () => WHY,
    ...more,
  };
  const session = { queue: async () => queue, request: async (id: unknown) => ({ queue, number: Number(id) }) };
  const [here, there] = InMemoryTransport.createLinkedPair();
  const served = mcpServer(session as unknown as Parameters<typeof mcpServer>[0], "1.2.3");
  const client = new Client({ name: "agent", version: "1" });
  await Promise.all([served.server.connect(there), client.connect(here)]);
  // As every client does. From then on it holds what a tool answers against the schema of the tool's output.
  await client.listTools();
  closing.push(() => client.close());
  return {
    ...served,
    asked,
    client,
    call: (name: string, args: object) => client.callTool({ name, arguments: { ...args } }),
  };
}

/** What a call was refused with. */
function refusalIn(answer: Awaited<ReturnType<Client["callTool"]>>): unknown {
  expect(answer.isError).toBe(true);
  const { content } = CallToolResultSchema.parse(answer);
  return content[0]?.type === "text" ? JSON.parse(content[0].text) : undefined;
}

it("the tool land hands on the build targets of a change, as the command line does", async () => {
  const { call, asked } = await agent();
  const land = (targets: readonly string[]) => call("land", { changes: [CHANGE], targets });
  expect((await land(["//shop:cart"])).structuredContent).toMatchObject({ request: { sqid: "main/7" } });
  expect(asked).toEqual([[[CHANGE], { targets: ["//shop:cart"] }]]);
  expect((await land([""])).isError).toBe(true);
});

it("an input with a field that the tool does not have is refused, and nothing is landed", async () => {
  const { call, asked } = await agent();
  const answer = await call("land", { changes: [CHANGE], branch: "cart" });
  expect(refusalIn(answer)).toMatchObject({ sentence: expect.stringMatching(/^land does .*"branch"$/) });
  expect(asked).toEqual([]);
});

it.each([
  ["status", {}, /^status does not take this input: request: write its number, /],
  ["list", { limit: 0 }, /limit: /],
  ["land", { changes: "cart" }, /changes: .*expected array/],
  ["merge", {}, /^There is no tool merge\. The tools are: land, status, /],
])("the tool %s with %j is refused with a code, a sentence and what to do", async (name, args, sentence) => {
  const answer = await (await agent()).call(name, args);
  expect(refusalIn(answer)).toEqual({
    code: "usage",
    sentence: expect.stringMatching(sentence),
    next: expect.any(String),
  });
});

it("a request may be named by its number as a number", async () => {
  const { call } = await agent();
  expect((await call("status", { request: 7 })).structuredContent).toMatchObject({ phase: "checking" });
});

it("lists each tool with an input that takes no other fields", async () => {
  const { tools } = await (await agent()).client.listTools();
  expect(tools.map(({ name }) => name)).toEqual(["land", "status", "why", "wait", "cancel", "list", "queue"]);
  for (const { inputSchema, description } of tools) {
    expect(inputSchema).toMatchObject({ type: "object", additionalProperties: false });
    expect(description).not.toBe("");
  }
  expect(tools[1]?.inputSchema.properties).toMatchObject({
    request: { description: expect.any(String), anyOf: [{ type: "string" }, { type: "integer" }] },
  });
});

it("is idle once the answers of all calls under way are sent", async () => {
  const { promise, resolve } = Promise.withResolvers<unknown>();
  const { call, idle, server } = await agent({ request: () => promise });
  const answer = call("status", { request: "7" });
  await new Promise((begun) => setImmediate(begun));
  const closed = idle().then(() => server.close());
  for (let turn = 0; turn < 3; turn += 1) await new Promise((next) => setImmediate(next));
  resolve(SUMMARY);
  expect(await answer).toMatchObject({ structuredContent: { phase: "checking" } });
  await closed;
});

it("a failure that is none of the API's is told like any other", async () => {
  const { call } = await agent({ request: async () => Promise.reject(new Error("no such file")) });
  expect(refusalIn(await call("status", { request: "7" }))).toMatchObject({
    code: "internal",
    sentence: "no such file",
  });
});

it("a request that ended as only a later release knows is told as it is, to a client that checks answers by the schema of the tool", async () => {
  const reason = { code: "change.superseded", message: "A newer request holds the change." };
  const ended = { ...SUMMARY, status: "superseded", ended: true, reason };
  const { call } = await agent({ request: async () => ended, why: async () => ({ ...WHY, status: "superseded" }) });
  expect((await call("status", { request: 7 })).structuredContent).toMatchObject({
    request: { status: "superseded" },
    phase: "ended",
    refusal: { code: "change.superseded" },
    next: expect.stringContaining("change.superseded"),
  });
  expect((await call("why", { request: 7 })).structuredContent).toMatchObject({ status: "superseded" });
});
