import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { buffer } from "node:stream/consumers";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { guardedCall } from "../../../functions/adapters/build-runner/http/guarded-call.ts";
import type { Outcome } from "../../../functions/adapters/build-runner/http/messages.ts";
import { httpRunner } from "../../../functions/adapters/build-runner/http/runner.ts";
import { signerOf } from "../../../functions/adapters/build-runner/http/signature.ts";
import { epochMs } from "../../../functions/contracts/time.ts";
import { until } from "../../support/wait.ts";
import { aTask } from "./tasks.ts";

const SECRET = `whsec_${Buffer.alloc(32, 3).toString("base64")}`;
const PAGE = readFileSync(join(import.meta.dirname, "..", "..", "..", "doc", "howto", "ci.md"), "utf8");
const [, EXAMPLE = ""] = /```js\n(\/\/ ci-hook\.mjs[\s\S]*?)```/.exec(PAGE) ?? [];

/** Goes by the ref; the commit is the last line of what it prints. */
const BUILD = 'echo "building $1"; case "$1" in *fails) exit 3;; *hangs) exec sleep 600;; esac; echo "$2"\n';

/** Any port that is free now. */
async function freePort(): Promise<number> {
  const server = createServer().listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address() as AddressInfo;
  server.close();
  return port;
}

let directory: string;
let hook: ChildProcess;
let port: number;
const outcomes = new Map<string, Outcome>();
const receiver = createServer(async (request, response) => {
  const headers = Object.fromEntries(Object.entries(request.headers).map(([name, value]) => [name, String(value)]));
  const keys = await runner?.report?.(await buffer(request), headers);
  response.writeHead(keys === undefined ? 401 : 204).end();
});
let runner: ReturnType<typeof httpRunner> | undefined;

beforeAll(async () => {
  directory = mkdtempSync(join(tmpdir(), "ci-hook-"));
  writeFileSync(join(directory, "ci-hook.mjs"), EXAMPLE);
  writeFileSync(join(directory, "build.sh"), BUILD);
  port = await freePort();
  const env = { PATH: process.env["PATH"] ?? "", SECRET, PORT: String(port) };
  hook = spawn(process.execPath, ["ci-hook.mjs"], { cwd: directory, env, stdio: "inherit" });
  receiver.listen(0, "127.0.0.1");
  await once(receiver, "listening");
  const listening = () =>
    fetch(`http://127.0.0.1:${port}/`)
      .then(() => true)
      .catch(() => false);
  await until(listening);
  runner = httpRunner({
    address: new URL(`http://127.0.0.1:${port}/builds`),
    callbackUrl: `http://127.0.0.1:${(receiver.address() as AddressInfo).port}/`,
    call: guardedCall({ loopback: true, private: false }),
    signer: async () => signerOf(SECRET),
    builds: {
      isStopped: async () => false,
      outcomeOf: async ({ key }) => outcomes.get(key),
      settle: async ({ key }, outcome) => void (outcomes.has(key) || outcomes.set(key, outcome)),
    },
    now: () => epochMs(Date.now()),
  });
});
afterAll(() => {
  hook.kill();
  receiver.close();
  rmSync(directory, { recursive: true, force: true });
});

const started = async (branch: string) => {
  const task = { ...aTask(), ref: `refs/heads/submitqueue/main/${branch}` };
  for (let twice = 0; twice < 2; twice++) expect(await runner?.trigger(task)).toEqual({ id: "no-status" });
  return task;
};

describe("the CI system of doc/howto/ci.md", () => {
  it("has some thirty lines", () => {
    expect(EXAMPLE.trim().split("\n").length).toBeLessThan(45);
  });

  it.each([
    ["passes", "passed"],
    ["fails", "failed"],
  ])("builds a branch that %s, once, and calls back", async (branch, result) => {
    const { key, commit, ref } = await started(branch);
    const outcome = await until(() => outcomes.get(key));
    const endedAt = expect.any(Number);
    expect(outcome).toEqual({ result, message: `building ${ref}${result === "passed" ? `\n${commit}` : ""}`, endedAt });
  });

  it("stops a build", async () => {
    const task = await started("hangs");
    await runner?.cancel({ ...task, id: "no-status" });
    expect(outcomes.get(task.key)).toMatchObject({ result: "cancelled" });
  });

  it("takes nothing that another secret has signed", async () => {
    const strange = signerOf(`whsec_${Buffer.alloc(32, 4).toString("base64")}`);
    const { "webhook-id": id, ...others } = strange.sign("a-b", "{}", epochMs(Date.now()));
    const answer = await fetch(`http://127.0.0.1:${port}/builds`, {
      method: "POST",
      headers: { "webhook-id": id, ...others },
      body: "{}",
    });
    expect(answer.status).toBe(401);
  });
});
