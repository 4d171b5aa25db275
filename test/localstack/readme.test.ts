import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { type Runtime, startRuntime } from "../../localstack/embedded/runtime.ts";
import { synthesizeHere as synthesize } from "../../localstack/embedded/synthesize.ts";
import { aQueuesFile } from "./fixture/runtime.ts";

const README = readFileSync(join(import.meta.dirname, "..", "..", "README.md"), "utf8");

/** A curl command of README.md, as the request that it sends. */
interface Example {
  readonly command: string;
  readonly path: string;
  readonly init: RequestInit;
}

/** Commands that go over several lines are joined; what follows `#` is a comment. */
const EXAMPLES: readonly Example[] = README.replaceAll("\\\n", " ")
  .split("\n")
  .filter((line) => line.startsWith("curl ") && line.includes("$URL"))
  .map((command) => {
    const path = /"\$URL([^"]*)"/.exec(command)?.[1] ?? "";
    const body = / -d '([^']*)'/.exec(command)?.[1]?.replace("<40 hex digits>", "a".repeat(40));
    const headers = Object.fromEntries(
      [...command.matchAll(/ -H '([^:']+): ([^']*)'/g)].map(([, name, value]) => [name, value]),
    );
    const method = / -X (\w+)/.exec(command)?.[1] ?? (body === undefined ? "GET" : "POST");
    return {
      command,
      path: path.replace("/sandbox", "/fixture"),
      init: { method, headers, ...(body === undefined ? {} : { body }) },
    };
  });

const stateDirectory = mkdtempSync(join(tmpdir(), "submitqueue-readme-"));
let runtime: Runtime;
beforeAll(async () => {
  runtime = await startRuntime({ synthesize, queues: aQueuesFile(), stateDirectory, quiet: true });
});
afterAll(async () => {
  await runtime.stop();
  rmSync(stateDirectory, { recursive: true, force: true });
});

describe("the commands of README.md", () => {
  it("are calls of the API", () => {
    expect(EXAMPLES.map(({ path }) => path)).toEqual(
      expect.arrayContaining(["/v1/queues/fixture/requests", "/v1/queues/fixture/resume", "/v1/ping"]),
    );
  });

  it.each(EXAMPLES)("$command", async ({ path, init }) => {
    const answer = await fetch(`${runtime.url}${path}`, init);
    expect([200, 202]).toContain(answer.status);
  });
});

describe("a call of a web page, in a browser that tells nothing of the page", () => {
  const posts = EXAMPLES.filter(({ init }) => init.method === "POST");

  it.each(posts)("is refused for $path, and says what to send", async ({ path, init }) => {
    const { method = "POST", body } = init;
    for (const type of ["text/plain", "application/x-www-form-urlencoded", "multipart/form-data; boundary=b"]) {
      const answer = await fetch(`${runtime.url}${path}`, {
        method,
        headers: { "content-type": type },
        ...(body ? { body } : {}),
      });
      expect(await answer.json()).toMatchObject({
        code: "request.unsupported_media_type",
        detail: expect.stringContaining("content-type: application/json"),
      });
    }
    const bare = await fetch(`${runtime.url}${path}`, { method });
    expect(bare.status).toBe(415);
  });

  it("has changed nothing", async () => {
    const queue = await fetch(`${runtime.url}/v1/queues/fixture`);
    expect(await queue.json()).toMatchObject({ mode: "open" });
    const requests = await fetch(`${runtime.url}/v1/queues/fixture/requests`);
    expect(await requests.json()).toMatchObject({ requests: [{ sqid: "fixture/1" }] });
  });
});
