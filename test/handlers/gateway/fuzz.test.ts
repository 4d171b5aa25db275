import fc from "fast-check";
import { afterAll, beforeAll, expect, it } from "vitest";
import document from "../../../functions/handlers/gateway/openapi.json" with { type: "json" };
import { operationsIn } from "../../support/api-document.ts";
import { anyCallOf } from "../../support/api-fuzz.ts";
import { type Gateway, type Rig, rig } from "./harness.ts";

const seed = Number(process.env["SEED"] ?? Math.floor(Math.random() * 2 ** 31));
const runs = Number(process.env["RUNS"] ?? 150);

const change = (name: string, digit: string) => `git://localhost/shop/refs%2Fheads%2F${name}/${digit.repeat(40)}`;

/** What the calls name, so that many of them reach a request or a queue. */
const KNOWN = {
  QueueName: ["main", "main", "unknown"],
  n: ["1", "2", "3", "999"],
  ChangeUri: [change("a", "a"), change("b", "b"), `github://github.com/acme/shop/pull/7/${"c".repeat(40)}`],
  "idempotency-key": ["first", "second"],
  id: [] as string[],
  dryRun: ["true"],
  retry: [false],
  reason: [""],
  wait: ["0"],
  priority: [0],
  limit: ["1", "5", "200"],
  since: ["2025-01-01T00:00:00.000Z"],
  until: ["2027-01-01T00:00:00.000Z"],
};

let emulators: Rig;
let gateway: Gateway;
beforeAll(async () => {
  emulators = await rig();
  gateway = await emulators.open();
  // What the calls that show one thing find.
  const changes = [change("a", "a")];
  await gateway.land(changes);
  const { body: trial } = await gateway.call("POST", "/v1/queues/main/requests?dryRun=true", { body: { changes } });
  const { body: preflight } = await gateway.call("POST", "/v1/queues/main/preflights");
  KNOWN.id.push(trial.id, preflight.id);
});
afterAll(async () => {
  gateway.close();
  await emulators.stop();
});

it(`answers every call as the API document says, and never with a 5xx (SEED=${seed})`, async () => {
  const answered = new Map<string, number>();
  const property = fc.asyncProperty(anyCallOf(document, operationsIn(document), KNOWN), async (call) => {
    const { status, headers } = await gateway.call(call.method, call.target, {
      headers: call.headers,
      ...(call.body === undefined ? {} : { raw: call.body }),
    });
    expect(status).toBeLessThan(500);
    expect(headers["x-request-id"]).toBeTruthy();
    answered.set(`${call.id} ${status < 300}`, (answered.get(`${call.id} ${status < 300}`) ?? 0) + 1);
  });
  await fc.assert(property, { seed, numRuns: runs });
  if (process.env["RUNS"]) console.log(Object.fromEntries([...answered].sort()));
  // The calls do not all stop at the door: every operation has answered some.
  const succeeded = operationsIn(document).filter(({ operation }) => answered.has(`${operation.operationId} true`));
  if (runs >= 1_000) expect(succeeded).toHaveLength(operationsIn(document).length);
}, 600_000);
