import { spawn } from "node:child_process";
import { once } from "node:events";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { text } from "node:stream/consumers";
import { afterAll, beforeAll, describe, expect, it } from "vitest";

async function exportHistory(...flags: string[]) {
  const child = spawn(process.execPath, ["simulator/export-history.ts", ...flags], {
    stdio: ["ignore", "pipe", "pipe"],
  });
  const [stdout, stderr, [status]] = await Promise.all([text(child.stdout), text(child.stderr), once(child, "close")]);
  return { status, stdout, stderr };
}

describe("npm run export-history", () => {
  /** A gateway with one queue, shop, which has no requests. It answers only calls with the header x-who. */
  const server = createServer((request, response) => {
    const isKnown =
      request.url?.startsWith("/stage/v1/queues/shop/requests?") && request.headers["x-who"] === "me: you";
    response.writeHead(isKnown ? 200 : 404, { "content-type": "application/json" });
    response.end(JSON.stringify(isKnown ? { requests: [] } : { code: "queue.unknown" }));
  });
  let url = "";
  beforeAll(async () => {
    await once(server.listen(0, "127.0.0.1"), "listening");
    url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/stage/`;
  });
  afterAll(() => server.close());

  it("writes nothing for a queue without requests, and sends the given headers", async () => {
    expect(await exportHistory("--url", url, "--queue", "shop", "--header", "x-who: me: you")).toEqual({
      status: 0,
      stdout: "",
      stderr: "",
    });
  });

  it("ends with exit code 1 and the gateway's problem when the gateway refuses", async () => {
    const { status, stderr } = await exportHistory("--url", url, "--queue", "nope");
    expect({ status, stderr }).toMatchObject({ status: 1, stderr: expect.stringContaining("404") });
    expect(stderr).toContain("queue.unknown");
  });

  it("ends with exit code 3 when there is no gateway", async () => {
    const { status, stderr } = await exportHistory("--url", "http://127.0.0.1:1", "--queue", "shop");
    expect({ status, stderr }).toMatchObject({ status: 3, stderr: expect.stringContaining("got no answer") });
  });

  it.each([
    [["--queue", "shop"], "--url"],
    [["--url", "http://127.0.0.1"], "--queue"],
    [["--url", "http://127.0.0.1", "--queue", "shop", "--header", "nonsense"], "--header"],
    [["--url", "http://127.0.0.1", "--queue", "shop", "--what"], "--what"],
  ])("refuses %j with exit code 2 and prints its usage", async (flags, said) => {
    const { status, stderr } = await exportHistory(...flags);
    expect(status).toBe(2);
    expect(stderr.split("\n")[0]).toContain(said);
    expect(stderr).toContain("Usage:");
  });
});
