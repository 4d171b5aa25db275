import { DescribeExecutionCommand, ListExecutionsCommand, SFNClient, StartExecutionCommand } from "@aws-sdk/client-sfn";
import { beforeEach, describe, expect, it } from "vitest";
import { describeNamed, failedSince, startExecution } from "../../functions/adapters/step-functions.ts";
import { epochMs } from "../../functions/contracts/time.ts";
import { mockedClass } from "../support/mocked-class.ts";

const mock = mockedClass(SFNClient);
const sfn = new SFNClient({ region: "eu-west-1" });
const workflow = "arn:aws:states:eu-west-1:123456789012:stateMachine:build";
const named = (name: string) => Object.assign(new Error("said so"), { name });
beforeEach(() => mock.reset());

describe("step functions", () => {
  it("starts an execution by its name", async () => {
    mock.on(StartExecutionCommand).resolves({});
    expect(await startExecution(sfn, workflow, "n", { a: 1 })).toBe("started");
    const expected = { stateMachineArn: workflow, name: "n", input: '{"a":1}' };
    expect(mock.commandCalls(StartExecutionCommand)[0]?.args[0].input).toEqual(expected);
  });

  it("takes one that exists for started before", async () => {
    mock.on(StartExecutionCommand).rejects(named("ExecutionAlreadyExists"));
    expect(await startExecution(sfn, workflow, "n", {})).toBe("exists");
  });

  it.each([
    ["ThrottlingException", "workflow.unavailable"],
    ["InvalidName", "internal"],
  ])("translates %s into %s", async (name, code) => {
    mock.rejects(named(name));
    await expect(startExecution(sfn, workflow, "n", {})).rejects.toMatchObject({ code });
    await expect(describeNamed(sfn, workflow, "n")).rejects.toMatchObject({ code });
    await expect(failedSince(sfn, workflow, epochMs(0))).rejects.toMatchObject({ code });
  });

  it("tells what has become of an execution", async () => {
    mock
      .on(DescribeExecutionCommand)
      .resolvesOnce({ status: "RUNNING" })
      .resolvesOnce({ status: "SUCCEEDED", input: "1", output: '{"b":2}' })
      .resolvesOnce({ status: "TIMED_OUT", input: "1" })
      .rejectsOnce(named("ExecutionDoesNotExist"));
    const told = [];
    for (let calls = 0; calls < 4; calls++) told.push(await describeNamed(sfn, workflow, "n"));
    expect(told).toEqual([
      { kind: "running" },
      { kind: "succeeded", input: 1, output: { b: 2 } },
      { kind: "failed", input: 1, error: "TIMED_OUT", cause: "" },
      { kind: "missing" },
    ]);
    expect(mock.commandCalls(DescribeExecutionCommand)[0]?.args[0].input.executionArn).toBe(
      "arn:aws:states:eu-west-1:123456789012:execution:build:n",
    );
  });

  it("lists what failed since a moment, of every kind of failure", async () => {
    const at = (stopped: number, executionArn: string) => ({ executionArn, stopDate: new Date(stopped) }) as never;
    mock
      .on(ListExecutionsCommand, { statusFilter: "FAILED" })
      .resolves({ executions: [at(99, "early"), at(100, "failed")] });
    mock.on(ListExecutionsCommand, { statusFilter: "TIMED_OUT" }).resolves({ executions: [at(200, "late")] });
    mock.on(ListExecutionsCommand, { statusFilter: "ABORTED" }).resolves({ executions: [] });
    expect(await failedSince(sfn, workflow, epochMs(100))).toEqual(["failed", "late"]);
  });

  it("lists all that failed at once, of more pages than one", async () => {
    const page = (name: string) =>
      Array.from({ length: 100 }, (_, n) => ({ executionArn: `${name}-${n}`, stopDate: new Date(200) }) as never);
    mock.on(ListExecutionsCommand).resolves({ executions: [] });
    mock
      .on(ListExecutionsCommand, { statusFilter: "FAILED", nextToken: undefined })
      .resolves({ executions: page("first"), nextToken: "more" })
      .on(ListExecutionsCommand, { statusFilter: "FAILED", nextToken: "more" })
      .resolves({ executions: page("second") });
    expect(await failedSince(sfn, workflow, epochMs(100))).toHaveLength(200);
  });
});
