import { rm } from "node:fs/promises";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { fakeRunner } from "../../../functions/adapters/build-runner/fake.ts";
import { buildRunnerContract } from "./contract.ts";
import { aChange, aTask, scratch } from "./tasks.ts";

const QUERY = {
  passes: "",
  fails: "sq-fake=build-fail",
  breaks: "sq-fake=build-error",
  hangs: "sq-fake=build-hang",
};

buildRunnerContract("fake", async () => {
  const workDirectory = await scratch();
  return {
    open: () => fakeRunner({ workDirectory }),
    task: async (outcome) => aTask({ changes: [aChange(QUERY[outcome])] }),
    vanish: () => rm(join(workDirectory, "fake-builds"), { recursive: true }),
  };
});

describe("the fake runner", () => {
  const resultOf = async (...queries: string[]) => {
    const runner = fakeRunner({ workDirectory: await scratch() });
    const task = aTask({ changes: queries.map((query, i) => aChange(query, `topic-${i}`)) });
    await runner.trigger(task);
    const status = await runner.status(task);
    return status.kind === "finished" ? status.result : status.kind;
  };

  it.each<[string[], string]>([
    [[""], "passed"],
    [["sq-files=a,b"], "passed"],
    [["", "sq-fake=build-fail", ""], "failed"],
    [["sq-fake=build-fail", "sq-fake=build-error"], "infrastructure"],
    [["sq-fake=build-error", "sq-fake=build-hang"], "running"],
    [["sq-files=a&sq-fake=provider-error,build-fail"], "failed"],
    [["sq-fake=clash:price"], "passed"],
    [["sq-fake=clash:price", "sq-fake=clash:tax"], "passed"],
    [["sq-fake=clash:price", "", "sq-fake=clash:price"], "failed"],
  ])("builds changes with the queries %j to %s", async (queries, result) => {
    expect(await resultOf(...queries)).toBe(result);
  });

  it("can't be reached when a change asks for that, and may be asked again", async () => {
    const runner = fakeRunner({ workDirectory: await scratch() });
    const task = aTask({ changes: [aChange("sq-fake=trigger-error")] });
    await expect(runner.trigger(task)).rejects.toMatchObject({ code: "runner.unavailable" });
    await expect(runner.trigger(task)).rejects.toMatchObject({ code: "runner.unavailable" });
  });
});
