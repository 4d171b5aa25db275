import { pino } from "pino";
import { afterEach, describe, expect, it } from "vitest";
import { clientsOf } from "../../localstack/embedded/clients.ts";
import type { FunctionSpec } from "../../localstack/embedded/deployment.ts";
import { loadFunction } from "../../localstack/embedded/functions.ts";
import { type Script, scripts } from "./fixture/scripted.ts";

const unreachable = async () => ({ status: 503, headers: {}, body: "{}" });
const door = { call: unreachable, judge: async () => {} };
const clients = clientsOf(door, "runtime", pino({ enabled: false }));
const spec: FunctionSpec = {
  id: "fixture/one",
  name: "services-one",
  arn: "arn:aws:lambda:us-east-1:000000000000:function:services-one",
  entry: "test/localstack/fixture/scripted.ts",
  environment: {},
  roleArn: "arn:aws:iam::000000000000:role/services-one",
  timeoutMs: 600_000,
  memoryMb: 128,
};
const load = (script: Script, overrides: Partial<FunctionSpec> = {}) => {
  scripts.set("one", script);
  return loadFunction({ ...spec, ...overrides }, process.cwd(), { SCRIPT: "one" }, clients);
};
afterEach(() => scripts.clear());

describe("a local function", () => {
  it("fails as Lambda's do when it takes too long", async () => {
    const { invoke } = await load(() => new Promise(() => {}), { timeoutMs: 20 });
    await expect(invoke({})).rejects.toMatchObject({ name: "Sandbox.Timedout", message: /after 0\.02 seconds/ });
  });

  it("gets its event and gives its result as JSON, and shares no object with its caller", async () => {
    const { invoke } = await load(async (event) => ({ event, at: new Date(0), nothing: undefined }));
    const event = { a: [1] };
    const result = await invoke(event);
    expect(result).toEqual({ event: { a: [1] }, at: "1970-01-01T00:00:00.000Z" });
    event.a.push(2);
    expect(result).toMatchObject({ event: { a: [1] } });
  });

  it("answers null when it returns nothing", async () => {
    const { invoke } = await load(async () => undefined);
    expect(await invoke({})).toBeNull();
  });

  it("is refused when its file has nothing to wire", async () => {
    await expect(load(async () => null, { entry: "test/localstack/fixture/stacks.ts" })).rejects.toThrow(
      /exports no `wire`/,
    );
  });
});
