import { expect, it } from "vitest";
import { Why } from "../../../functions/contracts/api/request-views.ts";
import type { Sqid } from "../../../functions/contracts/ids.ts";
import { happeningEvent, statusEvent } from "../../../functions/contracts/log-event.ts";
import { epochMs } from "../../../functions/contracts/time.ts";
import { gateway, withGateway } from "./each-gateway.ts";
import { change, START } from "./harness.ts";

withGateway();

const at = (ms: number) => new Date(START + ms).toISOString();
const sqid = "main/1" as Sqid;
const time = (ms: number) => epochMs(START + ms);
const why = () => gateway.get("/v1/queues/main/requests/1/why");
const buildKey = "b".repeat(32);

it("a request that waits is told what for, from the log, with three reads and two listings", async () => {
  await gateway.land([change("a")]);
  const built = { build_key: buildKey, build_url: "https://ci.example/1" };
  await gateway.deliver(
    statusEvent(sqid, "speculating", time(5)),
    happeningEvent(sqid, "built", time(8), { occurrence: buildKey, metadata: built }),
    happeningEvent(sqid, "blocked", time(9), { occurrence: "1", metadata: { blocker: "dependency", on: "3" } }),
  );
  const calls = await gateway.costOf(async () => {
    const { status, body } = await why();
    expect([status, Why.strict().parse(body)]).toEqual([
      200,
      {
        ...{
          sqid,
          status: "speculating",
          caller: "anonymous",
          ended: false,
          blocker: "dependency",
          on: ["main/3"],
          since: at(9),
        },
        builds: [{ buildKey, outcome: "passed", url: "https://ci.example/1", at: at(8) }],
        sentence: expect.stringContaining("main/3"),
      },
    ]);
  });
  expect(calls.toSorted()).toEqual(["BatchGet", "Get", "Get", "Query", "Query"]);
});

it("a paused queue is told of as it is now", async () => {
  await gateway.land([change("a")]);
  await gateway.call("POST", "/v1/queues/main/pause", { body: { note: "release" } });
  expect((await why()).body.sentence).toContain("paused (release)");
  await gateway.call("POST", "/v1/queues/main/resume");
  expect((await why()).body.sentence).not.toContain("paused");
});

it("a request that has ended is told why", async () => {
  await gateway.land([change("a")]);
  const reason = { code: "build.failed" as const, message: "two tests failed" };
  await gateway.deliver(statusEvent(sqid, "error", time(5), { version: 3, reason, metadata: { build_key: buildKey } }));
  expect((await why()).body).toMatchObject({
    ...{ ended: true, sentence: "two tests failed", since: at(5) },
    builds: [{ buildKey, outcome: "failed", at: at(5) }],
  });
});

it.each([
  ["/v1/queues/main/requests/2/why", 404, "land.unknown"],
  ["/v1/queues/nobody/requests/1/why", 404, "queue.unknown"],
  ["/v1/queues/main/requests/x/why", 400, "request.invalid"],
])("%s answers %i", async (target, status, code) => {
  const reply = await gateway.get(target);
  expect([reply.status, reply.body.code]).toEqual([status, code]);
});
