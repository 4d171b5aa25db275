import { Client } from "@modelcontextprotocol/sdk/client/index.js";
import { InMemoryTransport } from "@modelcontextprotocol/sdk/inMemory.js";
import { expect, it } from "vitest";
import { mcpServer } from "../../../client/mcp/server.ts";

const CHANGE = `git://localhost/shop/refs%2Fheads%2Fx/${"a".repeat(40)}`;
const AT = "2026-11-25T10:00:00.000Z";

it("the tool land hands on the build targets of a change, as the command line does", async () => {
  const asked: unknown[] = [];
  const summary = { sqid: "main/7", queue: "main", number: 7, status: "accepted", ended: false, changes: [CHANGE] };
  const queue = {
    page: async () => ({ requests: [] }),
    land: async (...args: unknown[]) => {
      asked.push(args);
      return { ...summary, strategy: "REBASE", priority: 0, receivedAt: AT, updatedAt: AT, metadata: {} };
    },
    why: async () => ({ sqid: "main/7", status: "accepted", ended: false, since: AT, builds: [], sentence: "Read." }),
  };
  const session = { queue: async () => queue } as unknown as Parameters<typeof mcpServer>[0];
  const [here, there] = InMemoryTransport.createLinkedPair();
  const server = mcpServer(session, "1.2.3");
  const client = new Client({ name: "agent", version: "1" });
  await Promise.all([server.connect(there), client.connect(here)]);
  const land = (targets: readonly string[]) =>
    client.callTool({ name: "land", arguments: { changes: [CHANGE], targets } });
  expect((await land(["//shop:cart"])).structuredContent).toMatchObject({ request: { sqid: "main/7" } });
  expect(asked).toEqual([[[CHANGE], { targets: ["//shop:cart"] }]]);
  expect((await land([""])).isError).toBe(true);
  await client.close();
});
