import {
  DescribeExecutionCommand,
  ListExecutionsCommand,
  StartExecutionCommand,
  StopExecutionCommand,
} from "@aws-sdk/client-sfn";
import { describe, expect, it } from "vitest";
import { CodedError } from "../../functions/contracts/errors.ts";
import type { Runtime } from "../../localstack/embedded/runtime.ts";
import { aRuntime, aStateDirectory, journal, latch } from "./fixture/runtime.ts";

const stateMachineArn = "arn:aws:states:us-east-1:000000000000:stateMachine:services-Machine";
const executionArn = "arn:aws:states:us-east-1:000000000000:execution:services-Machine:one";

const start = ({ operator }: Runtime, input: object = {}) =>
  operator.sfn.send(new StartExecutionCommand({ stateMachineArn, name: "one", input: JSON.stringify(input) }));
const describeOne = ({ operator }: Runtime) => operator.sfn.send(new DescribeExecutionCommand({ executionArn }));

/** The execution once it has ended. */
async function ended(runtime: Runtime) {
  for (;;) {
    const execution = await describeOne(runtime);
    if (execution.status !== "RUNNING") return execution;
  }
}

describe("a workflow", () => {
  it("runs its tasks, and its output is that of the last", async () => {
    const runtime = await aRuntime({ Step: async (event) => ({ got: event }) });
    expect(await start(runtime, { a: 1 })).toMatchObject({ executionArn });
    expect(await ended(runtime)).toMatchObject({ status: "SUCCEEDED", output: '{"got":{"a":1}}', input: '{"a":1}' });
  });

  it("is the same execution for the same name and input while it runs, and is taken afterwards", async () => {
    const [gate, runs] = [latch(), journal<unknown>()];
    const runtime = await aRuntime({
      Step: async (event) => {
        runs.write(event);
        await gate.said;
      },
    });
    const first = await start(runtime);
    expect(await start(runtime)).toMatchObject({ executionArn: first.executionArn, startDate: first.startDate });
    await expect(start(runtime, { other: true })).rejects.toMatchObject({ name: "ExecutionAlreadyExists" });
    gate.say();
    await ended(runtime);
    await expect(start(runtime)).rejects.toMatchObject({ name: "ExecutionAlreadyExists" });
    expect(runs.entries).toHaveLength(1);
  });

  it("retries an error that is named by its code, and no other", async () => {
    const tries = journal<string>();
    const runtime = await aRuntime({
      Step: async () => {
        tries.write("try");
        throw new CodedError(tries.entries.length < 2 ? "store.unavailable" : "internal", "it broke");
      },
    });
    await start(runtime);
    const execution = await ended(runtime);
    expect(tries.entries).toHaveLength(2);
    expect(execution).toMatchObject({ status: "FAILED", error: "internal" });
    expect(JSON.parse(execution.cause ?? "")).toMatchObject({ errorType: "internal", errorMessage: "it broke" });
  });

  it("hands a caught error to the next state, with its name and its cause", async () => {
    const runtime = await aRuntime({
      Step: async () => {
        throw new CodedError("repository.failed", "no such object");
      },
      Caught: async (event) => event,
    });
    await start(runtime, { land: "q/1" });
    const { output } = await ended(runtime);
    const caught = JSON.parse(output ?? "");
    expect(caught).toMatchObject({ land: "q/1", error: { Error: "repository.failed" } });
    expect(JSON.parse(caught.error.Cause)).toMatchObject({ errorMessage: "no such object" });
  });

  it("stops when it is told to, and stays stopped", async () => {
    const [gate, begun] = [latch(), latch()];
    const runtime = await aRuntime({
      Step: async () => {
        begun.say();
        await gate.said;
      },
    });
    await start(runtime);
    await begun.said;
    await runtime.operator.sfn.send(new StopExecutionCommand({ executionArn, error: "unwanted", cause: "refuted" }));
    gate.say();
    expect(await describeOne(runtime)).toMatchObject({ status: "ABORTED", error: "unwanted", cause: "refuted" });
    await runtime.stop();
  });

  it("is listed by status, page by page", async () => {
    const runtime = await aRuntime({ Step: async () => "ok" });
    const { sfn } = runtime.operator;
    for (const name of ["a", "b", "one"])
      await sfn.send(new StartExecutionCommand({ stateMachineArn, name, input: "{}" }));
    await ended(runtime);
    const list = (nextToken?: string) =>
      sfn.send(new ListExecutionsCommand({ stateMachineArn, maxResults: 2, ...(nextToken ? { nextToken } : {}) }));
    const first = await list();
    expect(first.executions?.map(({ name }) => name)).toEqual(["one", "b"]);
    const last = await list(first.nextToken);
    expect(last.executions?.map(({ name }) => name)).toEqual(["a"]);
    expect(last.nextToken).toBeUndefined();
    const failed = await sfn.send(new ListExecutionsCommand({ stateMachineArn, statusFilter: "FAILED" }));
    expect(failed.executions).toEqual([]);
  });

  it("that was running when the runtime ended runs again, from its start and with the same input", async () => {
    const stateDirectory = aStateDirectory();
    const [begun, gate] = [latch<unknown>(), latch()];
    const first = await aRuntime(
      {
        Step: async (event) => {
          begun.say(event);
          await gate.said;
          return "too late";
        },
      },
      { stateDirectory },
    );
    await start(first, { land: "q/1" });
    await begun.said;
    const stopped = first.stop();
    gate.say();
    await stopped;
    const second = await aRuntime({ Step: async (event) => ({ again: event }) }, { stateDirectory });
    expect(await ended(second)).toMatchObject({ status: "SUCCEEDED", output: '{"again":{"land":"q/1"}}' });
  });
});
