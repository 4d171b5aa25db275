import { spawn } from "node:child_process";
import { once } from "node:events";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { text } from "node:stream/consumers";
import { afterAll, beforeAll, describe, expect, it } from "vitest";

async function exportHistory(...flags: string[]) {
  const child = spawn(process.execPath, ["simulator/export.ts", ...flags], { stdio: ["ignore", "pipe", "pipe"] });
  const [stdout, stderr, [status]] = await Promise.all([text(child.stdout), text(child.stderr), once(child, "close")]);
  return { status, stdout, stderr };
}

describe("npm run export-history", () => {
  /** Knows one queue, which has done nothing, and only those who say who they are. */
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

  it("writes nothing for a queue that has done nothing, and sends the headers it was given", async () => {
    expect(await exportHistory("--url", url, "--queue", "shop", "--header", "x-who: me: you")).toEqual({
      status: 0,
      stdout: "",
      stderr: "",
    });
  });

  it("fails with the gateway's words when it refuses", async () => {
    const { status, stderr } = await exportHistory("--url", url, "--queue", "nope");
    expect({ status, stderr }).toMatchObject({ status: 1, stderr: expect.stringContaining("404") });
    expect(stderr).toContain("queue.unknown");
  });

  it.each([
    [["--queue", "shop"], "--url"],
    [["--url", "http://127.0.0.1"], "--queue"],
    [["--url", "http://127.0.0.1", "--queue", "shop", "--header", "nonsense"], "--header"],
    [["--url", "http://127.0.0.1", "--queue", "shop", "--what"], "--what"],
  ])("refuses %j with exit code 2 and its usage", async (flags, said) => {
    const { status, stderr } = await exportHistory(...flags);
    expect(status).toBe(2);
    expect(stderr.split("\n")[0]).toContain(said);
    expect(stderr).toContain("Usage:");
  });
});
