import { mkdtempSync } from "node:fs";
import { type IncomingMessage, request } from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { text } from "node:stream/consumers";
import { pino } from "pino";
import { expect, it, onTestFinished } from "vitest";
import { serveHttpApi } from "../../localstack/embedded/http-api.ts";
import { listenForOperator } from "../../localstack/embedded/operator-port.ts";
import { FakeCodeBuild } from "../../localstack/fakes/codebuild.ts";
import { startFakeGitHub } from "../../localstack/fakes/github/index.ts";
import { FakeHttpCi } from "../../localstack/fakes/http-ci.ts";

const scratch = () => mkdtempSync(join(tmpdir(), "submitqueue-kept-"));
const call = async () => ({ status: 200, headers: {}, body: "{}" });

const SERVERS = {
  "the HTTP API": async () => {
    const { url, close } = await serveHttpApi(0, async () => ({ statusCode: 200 }));
    return { url, stop: close };
  },
  "the operator's port": async () => {
    const { url, close } = await listenForOperator(call, join(scratch(), "aws.env"), pino({ enabled: false }));
    return { url, stop: close };
  },
  "the fake CodeBuild": async () => {
    const fake = await FakeCodeBuild.start({ projects: [] });
    return { url: fake.endpoint, stop: () => fake.stop() };
  },
  "the fake CI system": () =>
    FakeHttpCi.start({ secret: `whsec_${"A".repeat(32)}`, courseOf: () => ({ result: "hangs" }) }),
  "the fake GitHub": async () => {
    const fake = await startFakeGitHub({ directory: scratch(), repositories: [] });
    return { url: `${fake.url}/app`, stop: () => fake.stop() };
  },
};

it.each(Object.entries(SERVERS))("%s leaves it to its callers to end an idle connection", async (_, start) => {
  const server = await start();
  onTestFinished(() => server.stop());
  const { promise, resolve } = Promise.withResolvers<IncomingMessage>();
  request(server.url, { headers: { connection: "keep-alive" } }, resolve).end();
  const answer = await promise;
  await text(answer);
  // A server that ends idle connections says after how many seconds: `keep-alive: timeout=5`.
  expect({ connection: answer.headers.connection, limit: answer.headers["keep-alive"] }).toEqual({
    connection: "keep-alive",
    limit: undefined,
  });
});
