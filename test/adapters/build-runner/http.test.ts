import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { describe, expect, it, onTestFinished } from "vitest";
import { mayCall } from "../../../functions/adapters/build-runner/http/addresses.ts";
import { guardedCall } from "../../../functions/adapters/build-runner/http/guarded-call.ts";
import { failedTests } from "../../../functions/adapters/build-runner/http/junit.ts";
import type { Outcome } from "../../../functions/adapters/build-runner/http/messages.ts";
import { httpRunner } from "../../../functions/adapters/build-runner/http/runner.ts";
import { signerOf } from "../../../functions/adapters/build-runner/http/signature.ts";
import type { BuildName, BuildRunner, BuildTask } from "../../../functions/adapters/build-runner/index.ts";
import { retryAtOf } from "../../../functions/adapters/github/errors.ts";
import type { CodedError } from "../../../functions/contracts/errors.ts";
import { epochMs } from "../../../functions/contracts/time.ts";
import { FakeHttpCi, type HttpCourse } from "../../../localstack/fakes/http-ci.ts";
import { buildRunnerContract } from "./contract.ts";
import { aTask } from "./tasks.ts";

const OLD = `whsec_${Buffer.alloc(32, 1).toString("base64")}`;
const NEW = `whsec_${Buffer.alloc(32, 2).toString("base64")}`;
const LOOPBACK = { loopback: true, private: false };
const PUBLIC = { loopback: false, private: false };

const COURSES = {
  passes: { result: "passed", message: "all is well" },
  fails: { result: "failed", message: "1 test failed" },
  breaks: { result: "infrastructure", message: "no machine is left" },
  hangs: { result: "hangs" },
} as const satisfies Record<string, HttpCourse>;

const nameOf = ({ key, commit }: BuildName) => `${key}-${commit}`;

/** A CI system, and runners on it with what the rows of builds keep around them. Callbacks are handed to the runner. */
async function httpWorld({ watchable = true, callsBack = true, secret = OLD } = {}) {
  const courses = new Map<string, HttpCourse>();
  const courseOf = ({ commit }: { readonly commit: string }) => courses.get(commit) ?? COURSES.passes;
  const ci = await FakeHttpCi.start({ secret: OLD, courseOf, watchable, callsBack });
  const ids = new Map<string, string>();
  const stopped = new Set<string>();
  const outcomes = new Map<string, Outcome>();
  const receiver = createServer(async (request, response) => {
    const chunks: Buffer[] = [];
    for await (const chunk of request) chunks.push(chunk);
    const headers = Object.fromEntries(Object.entries(request.headers).map(([name, value]) => [name, String(value)]));
    const keys = await runner.report?.(Buffer.concat(chunks), headers).catch(() => []);
    response.writeHead(keys === undefined ? 401 : 204).end();
  });
  await new Promise<void>((resolve) => receiver.listen(0, "127.0.0.1", resolve));
  onTestFinished(async () => {
    await ci.stop();
    receiver.close();
  });
  const callbackUrl = `http://127.0.0.1:${(receiver.address() as AddressInfo).port}/`;
  const runner: BuildRunner = httpRunner({
    address: new URL(ci.url),
    callbackUrl,
    call: guardedCall(LOOPBACK),
    signer: async () => signerOf(secret),
    builds: {
      isStopped: async (build) => stopped.has(nameOf(build)),
      outcomeOf: async (build) => outcomes.get(nameOf(build)),
      settle: async (build, outcome) => {
        if (!outcomes.has(nameOf(build))) outcomes.set(nameOf(build), outcome);
      },
    },
    now: () => epochMs(Date.now()),
  });
  const withId = <B extends BuildName>(build: B): B => ({
    ...build,
    ...(ids.has(nameOf(build)) ? { id: ids.get(nameOf(build)) } : {}),
  });
  const open = (): BuildRunner => ({
    trigger: async (task) => {
      const answer = await runner.trigger(withId(task));
      if (answer.id !== undefined) ids.set(nameOf(task), answer.id);
      return answer;
    },
    status: (build) => runner.status(withId(build)),
    cancel: async (build) => {
      stopped.add(nameOf(build));
      await runner.cancel(withId(build));
    },
  });
  const task = (course: HttpCourse): BuildTask => {
    const made = aTask();
    courses.set(made.commit, course);
    return made;
  };
  return { ci, runner, open, task, ids, stopped, outcomes };
}

for (const [name, options] of [
  ["http, with callbacks and status URLs", {}],
  ["http, when every callback is lost", { callsBack: false }],
] as const)
  buildRunnerContract(name, async () => {
    const world = await httpWorld(options);
    return {
      open: world.open,
      tellsEnd: true,
      task: async (outcome) => world.task(COURSES[outcome]),
      failingTest: async () => ({
        task: world.task({
          ...COURSES.fails,
          junit: `<testcase classname="cart" name="adds up"><failure/></testcase>`,
        }),
        test: /^Failed tests: cart › adds up\.\n1 test failed$/,
      }),
      vanish: async (build) => void world.ci.builds.delete(nameOf(build)),
    };
  });

describe("the http runner", () => {
  it("says what is to be built, where to call back, and signs it", async () => {
    const { runner, task, ci } = await httpWorld();
    const asked = task(COURSES.passes);
    const { id, url } = await runner.trigger(asked);
    const { key, commit, ref, base, queue, batchId: batch, changes, timeoutSeconds } = asked;
    expect(ci.builds.get(nameOf(asked))?.start).toMatchObject({
      key,
      commit,
      ref,
      base,
      queue,
      batch,
      changes,
      timeoutSeconds,
    });
    expect([id, url]).toEqual([`${ci.url}/${nameOf(asked)}`, `${ci.url}/${nameOf(asked)}/log`]);
  });

  it("takes the first end that is told, and names the tests that failed", async () => {
    const junit = `<testsuite><testcase classname="cart" name="adds &amp; up"><failure>1 != 2</failure></testcase>
      <testcase classname="cart" name="empties"/><testcase name='logs in'><error/></testcase></testsuite>`;
    const { ci, open, task } = await httpWorld({ watchable: false });
    const asked = task({ result: "hangs", message: "2 of 3 failed", junit });
    await open().trigger(asked);
    expect(await open().status(asked)).toEqual({ kind: "running" });
    await ci.end(nameOf(asked), "failed");
    const build = ci.builds.get(nameOf(asked));
    if (build === undefined) throw new Error("no build");
    await ci.callBack({ ...build, state: "passed" });
    expect(ci.callbacks).toEqual([204, 204]);
    expect(await open().status(asked)).toMatchObject({
      result: "failed",
      message: "Failed tests: cart › adds & up, logs in.\n2 of 3 failed",
    });
  });

  it("takes no callback that another secret has signed, or that is older than five minutes", async () => {
    const { ci, open, task, outcomes } = await httpWorld();
    const asked = task(COURSES.hangs);
    await open().trigger(asked);
    const build = ci.builds.get(nameOf(asked));
    if (build === undefined) throw new Error("no build");
    await ci.callBack({ ...build, state: "passed" }, signerOf(NEW));
    const past = signerOf(OLD);
    await ci.callBack(
      { ...build, state: "passed" },
      { ...past, sign: (id, body, now) => past.sign(id, body, epochMs(now - 301_000)) },
    );
    expect([ci.callbacks, outcomes.size]).toEqual([[401, 401], 0]);
  });

  it("takes the end of a build from its callback, by the clock that signed the callback, and else from its arrival", async () => {
    const now = 1_000_000_000;
    const endOf = async (endedAt: string | undefined, signedAt: number) => {
      const settled: Outcome[] = [];
      const runner = httpRunner({
        ...{ address: new URL("https://ci.example.com/builds"), callbackUrl: "", signer: async () => signerOf(OLD) },
        call: () => Promise.reject(new Error("no call")),
        builds: {
          isStopped: async () => false,
          outcomeOf: async () => undefined,
          settle: async (_, outcome) => void settled.push(outcome),
        },
        now: () => epochMs(now),
      });
      const { key, commit } = aTask();
      const body = JSON.stringify({ key, commit, result: "passed", endedAt });
      await runner.report?.(Buffer.from(body), signerOf(OLD).sign("id", body, epochMs(signedAt)));
      return settled.map((outcome) => (outcome.endedAt ?? 0) - now);
    };
    const at = (ms: number) => new Date(now + ms).toISOString();
    expect(await endOf(at(-60_000), now - 3_000)).toEqual([-60_000]);
    expect(await endOf(at(-60_000).replace("Z", "+00:00"), now)).toEqual([-60_000]);
    expect(await endOf(at(140_000), now + 200_000)).toEqual([-60_000]);
    expect(await endOf(at(90_000), now)).toEqual([0]);
    expect(await endOf(undefined, now - 3_000)).toEqual([0]);
  });

  it("takes the end of a build from its status, by the clock of the answer", async () => {
    const statusAt = async (date: number, endedAt?: string) => {
      const call = async () => ({ status: 200, body: JSON.stringify({ result: "passed", endedAt }), date });
      const runner = httpRunner({
        ...{
          address: new URL("https://ci.example.com/builds"),
          callbackUrl: "",
          call,
          signer: async () => signerOf(OLD),
        },
        builds: { isStopped: async () => false, outcomeOf: async () => undefined, settle: async () => {} },
        now: () => epochMs(1_000_000),
      });
      return runner.status(aTask());
    };
    const said = new Date(900_000).toISOString();
    expect(await statusAt(1_001_000, said)).toMatchObject({ endedAt: 900_000 });
    expect(await statusAt(1_060_000, said)).toMatchObject({ endedAt: 840_000 });
    expect(await statusAt(1_001_000)).toEqual({ kind: "finished", result: "passed" });
  });

  it("goes on while a secret is changed: it signs with both, and takes what either has signed", async () => {
    const { ci, open, task } = await httpWorld({ secret: `${NEW}\n${OLD}` });
    const asked = task(COURSES.hangs);
    await open().trigger(asked);
    await ci.end(nameOf(asked), "passed");
    expect(await open().status(asked)).toMatchObject({ result: "passed" });
  });

  it("takes a build that can't be stopped or watched for cancelled once its stop was asked for", async () => {
    const { open, task, ci } = await httpWorld({ watchable: false });
    const asked = task(COURSES.hangs);
    await open().trigger(asked);
    await open().cancel(asked);
    expect(await open().status(asked)).toMatchObject({ result: "cancelled" });
    expect(ci.calls.at(-1)).toBe(`DELETE /builds/${nameOf(asked)}`);
  });

  it.each([
    [500, "runner.unavailable"],
    [503, "runner.unavailable"],
    [429, "runner.unavailable"],
    [302, "config.invalid"],
    [401, "config.invalid"],
    [404, "config.invalid"],
  ])("takes the answer %i to a start for %s", async (status, code) => {
    const { ci, runner, task } = await httpWorld();
    ci.refusals.push(status);
    await expect(runner.trigger(task(COURSES.passes))).rejects.toMatchObject({ code });
    expect(ci.calls).toEqual(["POST /builds"]);
  });
});

it("a CI system that takes no calls for an hour has a start wait for as long, and the builds that are asked for go on", async () => {
  const { ci, runner, task } = await httpWorld();
  const asked = task(COURSES.hangs);
  ci.refusals.push(429);
  const before = Date.now();
  const error = await runner.trigger(asked).catch((thrown: CodedError) => thrown);
  expect(error).toMatchObject({ code: "runner.unavailable", detail: { retryAt: expect.any(Number) } });
  expect(retryAtOf(error)).toBeGreaterThanOrEqual(before + 3_600_000);
  ci.refusals.push(429);
  expect(await runner.status(asked)).toEqual({ kind: "running" });
  for (const ask of [() => runner.trigger(asked), () => runner.status(asked)]) {
    ci.refusals.push(503);
    await expect(ask()).rejects.toMatchObject({ code: "runner.unavailable", detail: {} });
  }
});

it("a stop that the CI system takes later is asked for again, and is not believed", async () => {
  const { ci, open, task } = await httpWorld({ watchable: false });
  const asked = task(COURSES.hangs);
  await open().trigger(asked);
  ci.refusals.push(429);
  await expect(open().cancel(asked)).rejects.toMatchObject({
    code: "runner.unavailable",
    detail: { retryAt: expect.any(Number) },
  });
  expect(await open().status(asked)).toEqual({ kind: "running" });
  await open().cancel(asked);
  expect(await open().status(asked)).toMatchObject({ result: "cancelled" });
});

it.each([
  [401, "The CI system answers with status 401 when the queue asks for the build."],
  [302, "The CI system answers with status 302 when the queue asks for the build."],
  [404, "The CI system does not know the build."],
  [410, "The CI system does not know the build."],
])("the answer %i to a look at a build ends the build, and is told as what it is", async (status, message) => {
  const { ci, open, task } = await httpWorld();
  const asked = task(COURSES.hangs);
  await open().trigger(asked);
  ci.refusals.push(status);
  expect(await open().status(asked)).toEqual({ kind: "finished", result: "infrastructure", message });
});

it.each([
  ["<!doctype html><title>Log in</title>", "answers a start with what is no"],
  ["OK", "answers a start with what is no"],
  ['{"statusUrl":"https://elsewhere.example/x?token=s3cret"}', "another origin: https://elsewhere.example"],
])("the answer %s to a start is refused, without what may be a secret", async (body, why) => {
  const answering = httpRunner({
    address: new URL("https://ci.example/builds"),
    callbackUrl: "https://queue.example/",
    call: async () => ({ status: 200, body }),
    signer: async () => signerOf(OLD),
    builds: { isStopped: async () => false, outcomeOf: async () => undefined, settle: async () => undefined },
    now: () => epochMs(Date.now()),
  });
  const refused = answering.trigger(aTask());
  await expect(refused).rejects.toMatchObject({ code: "config.invalid", message: expect.stringContaining(why) });
  await expect(refused).rejects.not.toThrow(/s3cret/);
});

describe("the guard of outgoing calls", () => {
  it.each([
    ["8.8.8.8", PUBLIC, true],
    ["2606:4700::1111", PUBLIC, true],
    ...["127.0.0.1", "::1", "::ffff:127.0.0.1", "127.8.8.8"].flatMap((address) => [
      [address, PUBLIC, false] as const,
      [address, LOOPBACK, true] as const,
    ]),
    ...[
      "10.1.2.3",
      "172.31.0.1",
      "192.168.1.1",
      "100.64.0.1",
      "0.0.0.0",
      "fc00::1",
      "::ffff:10.0.0.1",
      "64:ff9b::a00:1",
    ].flatMap((address) => [
      [address, PUBLIC, false] as const,
      [address, { loopback: false, private: true }, true] as const,
    ]),
    ["169.254.169.254", { loopback: true, private: true }, false],
    ["::ffff:169.254.169.254", { loopback: true, private: true }, false],
    ["fd00:ec2::254", { loopback: true, private: true }, false],
    ["fe80::1", { loopback: true, private: true }, false],
    ["example.com", { loopback: true, private: true }, false],
  ] as const)("%s, when it may reach %j: %s", (address, reach, may) => {
    expect(mayCall(address, reach)).toBe(may);
  });

  const call = (url: string, reach = PUBLIC, timeoutMs?: number) =>
    guardedCall(reach, timeoutMs)({ method: "GET", url: new URL(url), headers: {} });

  it.each([
    "http://93.184.216.34/",
    "https://127.0.0.1/",
    "https://[::1]/",
    "https://169.254.169.254/latest/meta-data",
    "https://2130706433/",
    "https://localhost/",
    "ftp://127.0.0.1/",
  ])("does not call %s", async (url) => {
    await expect(call(url)).rejects.toMatchObject({
      code: "config.invalid",
      message: expect.stringContaining("privateHosts"),
    });
  });

  async function serving(answer: (path: string) => { status?: number; body?: string } | undefined): Promise<string> {
    const server = createServer(({ url = "" }, response) => {
      const { status = 200, body = "" } = answer(url) ?? { status: 0 };
      if (status > 0) response.writeHead(status, { location: "/next" }).end(body);
    });
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    onTestFinished(() => {
      server.closeAllConnections();
      server.close();
    });
    return `http://localhost:${(server.address() as AddressInfo).port}`;
  }

  it("calls this machine without TLS where that is allowed, by its name too, and follows no redirect", async () => {
    const paths: string[] = [];
    const origin = await serving((path) => {
      paths.push(path);
      return { status: 302, body: "elsewhere" };
    });
    expect(await call(`${origin}/first`, LOOPBACK)).toMatchObject({ status: 302, body: "elsewhere" });
    expect(paths).toEqual(["/first"]);
  });

  it("gives up on an answer that is too large, or does not come", async () => {
    const origin = await serving((path) => (path === "/large" ? { body: "x".repeat(65_537) } : undefined));
    await expect(call(`${origin}/large`, LOOPBACK)).rejects.toMatchObject({
      code: "runner.unavailable",
      message: expect.stringContaining("more than 64 KB"),
    });
    await expect(call(`${origin}/silent`, LOOPBACK, 50)).rejects.toMatchObject({
      code: "runner.unavailable",
      message: expect.stringContaining("no answer within 0.05 seconds"),
    });
  });
});

describe("a signature", () => {
  it("is that of Standard Webhooks", () => {
    const signer = signerOf("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw");
    const headers = {
      "webhook-id": "msg_p5jXN8AQM9LWM0D4loKWxJek",
      "webhook-timestamp": "1614265330",
      "webhook-signature": "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=",
    };
    const [body, now] = ['{"test": 2432232314}', epochMs(1_614_265_330_000)];
    expect(signer.sign(headers["webhook-id"], body, now)).toEqual(headers);
    expect(signer.verify(headers, Buffer.from(body), now)).toBe(true);
    expect(signer.verify(headers, Buffer.from(`${body} `), now)).toBe(false);
    expect(signer.verify({ ...headers, "webhook-timestamp": "soon" }, Buffer.from(body), now)).toBe(false);
  });

  it.each(["", "secret", "whsec_c2hvcnQ=", `whsec_${"A".repeat(200)}`])(
    "is not made with the secret '%s'",
    (secret) => {
      expect(() => signerOf(secret)).toThrow(/openssl rand/);
    },
  );
});

describe("a JUnit report", () => {
  it.each([
    ["", ""],
    ["<testsuite><testcase name='a'/></testsuite>", ""],
    ["<testcase name='a'><system-out><![CDATA[<failure/>]]></system-out></testcase>", ""],
    ["<testcase name='a'><failure/></testcase><testcase name='b'></testcase>", "Failed tests: a."],
    ["<testcase name='cut off'><failure message='x'>", "Failed tests: cut off."],
    ["<testcase name='&lt;a&gt; &#38; &constructor;'><failure/></testcase>", "Failed tests: <a> & &constructor;."],
    ["<testcase><error/></testcase>", "Failed tests: a test without a name."],
    [
      Array.from({ length: 7 }, (_, n) => `<testcase name="t${n}"><failure/></testcase>`).join(""),
      "Failed tests: t0, t1, t2, t3, t4 and 2 more.",
    ],
  ])("%j says %j", (xml, said) => {
    expect(failedTests(xml)).toBe(said);
  });
});
