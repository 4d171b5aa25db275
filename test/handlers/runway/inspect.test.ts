import { rmSync } from "node:fs";
import { GetSecretValueCommand } from "@aws-sdk/client-secrets-manager";
import { describe, expect, it } from "vitest";
import { InspectResult } from "../../../functions/contracts/messages/runway-tasks.ts";
import { wire } from "../../../functions/handlers/runway/inspect.lambda.ts";
import { invoke, sandbox, secrets, withSandbox } from "./each-sandbox.ts";

withSandbox();

const inspect = (event: unknown, config: object = sandbox.config) => invoke(wire, event, { queues: [config] });
const change = () => sandbox.branch("a", [{ files: { "src/a.txt": "1\n" }, message: "one" }]);

describe("inspect", () => {
  it("answers what the changes touch, from a task's plain input, in plain JSON", async () => {
    const answer = await inspect({ queue: "q", changes: [change()] });
    expect(JSON.parse(JSON.stringify(answer))).toEqual(answer);
    expect(InspectResult.parse(answer)).toMatchObject({
      kind: "inspected",
      touches: { paths: ["src/a.txt"], files: 1 },
    });
  });

  it("refuses what can't be read, with the reason", async () => {
    const gone = change().replace(/[0-9a-f]{40}$/, "ab".repeat(20));
    expect(await inspect({ queue: "q", changes: [gone] }, { ...sandbox.config, checkStaleness: false })).toMatchObject({
      kind: "refused",
      reason: { code: "change.not_found" },
    });
  });

  it("bears its error's code as its name, which is what a workflow waits for", async () => {
    const changes = [change()];
    rmSync(sandbox.remote, { recursive: true });
    await expect(inspect({ queue: "q", changes })).rejects.toMatchObject({ name: "repository.unavailable" });
    await expect(inspect({ queue: "gone", changes })).rejects.toMatchObject({ name: "queue.unknown" });
    await expect(inspect({ queue: "q", changes: [] })).rejects.toMatchObject({ name: "message.undecodable" });
  });

  it("reads the token that the queue names, and nothing when it names none", async () => {
    secrets.on(GetSecretValueCommand).resolves({ SecretString: "s3cret" });
    const changes = [change()];
    await inspect({ queue: "q", changes });
    expect(secrets.commandCalls(GetSecretValueCommand)).toHaveLength(0);
    const { config } = sandbox;
    await inspect(
      { queue: "q", changes },
      { ...config, repository: { ...config.repository, tokenSecret: "git-token" } },
    );
    expect(secrets.commandCalls(GetSecretValueCommand)).toHaveLength(1);
  });
});
