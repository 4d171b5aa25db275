import { describe, expect, it } from "vitest";
import * as z from "zod";
import { CodedError } from "../../functions/contracts/errors.ts";
import type { LambdaContext } from "../../functions/handlers/on-lambda.ts";
import { taskHandler } from "../../functions/handlers/task.ts";

const call = (event: unknown, work: (input: { n: number }) => Promise<unknown> = async ({ n }) => n + 1) =>
  taskHandler(z.object({ n: z.int() }), work)(event, {} as LambdaContext);

describe("a task", () => {
  it("answers what its work answers, and ignores fields that it does not know", async () => {
    expect(await call({ n: 1, more: true })).toBe(2);
  });

  it.each([[undefined], [{}], [{ n: "1" }]])("refuses input %j as undecodable, for good", async (event) => {
    await expect(call(event)).rejects.toMatchObject({ name: "message.undecodable" });
  });

  it("lets an error through under its code as its name, which is what a workflow matches", async () => {
    const work = async () => Promise.reject(new CodedError("repository.unavailable", "later"));
    await expect(call({ n: 1 }, work)).rejects.toMatchObject({ name: "repository.unavailable", message: "later" });
  });
});
