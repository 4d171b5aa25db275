import type { SecretsManagerClient } from "@aws-sdk/client-secrets-manager";
import { pino } from "pino";
import { describe, expect, it } from "vitest";
import type { Clients } from "../../../functions/adapters/aws-clients.ts";
import { preflightOf } from "../../../functions/adapters/build-runner/github-checks-preflight.ts";
import { CheckedRepository } from "../../../functions/adapters/build-runner/github-checks-repository.ts";
import { obstaclesFor } from "../../../functions/adapters/build-runner/preflight.ts";
import { QueueName } from "../../../functions/contracts/ids.ts";
import { epochMs } from "../../../functions/contracts/time.ts";
import { createCheckRun } from "../../../localstack/fakes/github/checks.ts";
import { postStatus } from "../../../localstack/fakes/github/statuses.ts";
import { writeBranch } from "../../../localstack/sandbox/write-branch.ts";
import { githubWorld, REPOSITORY } from "./github-world.ts";
import { aQueue } from "./tasks.ts";

async function world(options: Parameters<typeof githubWorld>[0] = {}) {
  const made = await githubWorld(options);
  const { github, git, repository, client } = made;
  const commit = (ref: string, from?: string) =>
    writeBranch(git.path, {
      ref,
      by: "A <a@example.invalid>",
      at: 1_800_000_000,
      commits: [{ message: "x\n", files: { x: ref } }],
      ...(from ? { from } : {}),
    });
  const trunk = await commit("refs/heads/main");
  const check = (sha: string, name = "unit", appId = 15_368) =>
    createCheckRun(github, repository, { sha, appId, words: { name, conclusion: "success" } });
  const asked = async (
    wanted: readonly { name: string; app?: number }[] = [{ name: "unit", app: 15_368 }],
    commits: Parameters<typeof preflightOf>[2] = [],
  ) => {
    const findings = await preflightOf(
      new CheckedRepository(client),
      { queue: QueueName.parse("shop"), trunk: "main", wanted },
      commits,
    );
    return findings.filter(({ kind }) => kind !== "ok");
  };
  return { ...made, commit, trunk, check, asked };
}

describe("the preflight of github-checks", () => {
  it("finds nothing wrong once each check has reported: on the trunk, on a branch of a build, or on a commit of the change", async () => {
    const { asked, check, trunk, commit, github, repository, task } = await world();
    expect(await asked()).toMatchObject([
      {
        kind: "problem",
        sentence: expect.stringMatching(
          /the check unit \(of the App 15368\), which has reported on none of the last commits of main\. .*git push origin origin\/main:refs\/heads\/submitqueue\/shop\/try/,
        ),
      },
    ]);
    check(await commit("refs/heads/submitqueue/shop/try", trunk));
    expect(await asked()).toEqual([]);
    const change = await task({ kind: "hangs" });
    await postStatus(github, repository, { sha: change.commit, state: "success", context: "ci/lint", creator: "ci" });
    expect(await asked([{ name: "ci/lint" }])).toHaveLength(1);
    expect(await asked([{ name: "ci/lint" }], [change.commit])).toEqual([]);
    check(trunk, "e2e");
    expect(await asked([{ name: "unit" }, { name: "e2e" }])).toEqual([]);
  });

  it("names the checks that do report, and the App that reports in place of the pinned one", async () => {
    const { asked, check, trunk } = await world();
    check(trunk, "unit tests");
    expect((await asked())[0]?.sentence).toContain("(those that have: unit tests)");
    check(trunk, "unit", 99);
    expect((await asked())[0]?.sentence).toContain("which is reported by app-99");
  });

  it("finds credentials that may not push, and a branch that is in the way of branches", async () => {
    const readers = await world({
      credentials: ({ identities }) => ({ kind: "token", token: identities.userToken("ann", "read") }),
    });
    readers.check(readers.trunk);
    await readers.commit("refs/heads/submitqueue");
    expect((await readers.asked()).map(({ sentence }) => sentence)).toEqual([
      expect.stringMatching(/may not push branches to acme\/shop.*contents: write/),
      expect.stringMatching(/has a branch submitqueue.*Rename/),
    ]);
    const app = await world();
    app.check(app.trunk);
    app.github.identities.granted = { ...app.github.identities.granted, contents: "read" };
    expect((await app.asked()).map(({ kind }) => kind)).toEqual(["problem"]);
  });

  it("is asked once in ten minutes while nothing is wrong, and of each request again when GitHub does not answer", async () => {
    const { github, repository, check, trunk, clock } = await world();
    repository.ruleset.set("main", [
      { context: "unit" },
      { context: "Submitqueue" },
      { context: "Merge queue" },
      { context: "own", appId: 4_711 },
    ]);
    const { id: appId, privateKey } = github.identities.app;
    const clients = {
      now: () => epochMs(clock.now),
      log: pino({ level: "silent" }),
      secrets: {
        send: async () => ({ SecretString: JSON.stringify({ appId, privateKey }) }),
      } as unknown as SecretsManagerClient,
    } as Clients;
    const obstaclesOf = obstaclesFor(clients);
    const queue = aQueue({
      ownCheck: "Merge queue",
      buildRunner: { type: "github-checks", repository: REPOSITORY, api: github.url, credentialsSecret: "github" },
    });
    github.limitNext({ operation: "get /repos/{owner}/{repo}/rules/branches/{branch}" });
    expect(await obstaclesOf(queue, [])).toBeUndefined();
    expect(await obstaclesOf(queue, [])).toEqual([
      expect.stringContaining("the check unit, which has reported on none"),
    ]);
    check(trunk);
    clock.now += 30_000;
    expect(await obstaclesOf(queue, [])).toEqual([]);
    github.calls.length = 0;
    clock.now += 500_000;
    expect(await obstaclesOf(queue, [])).toEqual([]);
    expect(github.calls).toEqual([]);
    expect(await obstaclesOf(aQueue(), [])).toEqual([]);
    const [wrong] =
      (await obstaclesFor(clients)(
        aQueue({ ...queue, name: "wrong", repository: { remote: "/x", branch: "none" } }),
        [],
      )) ?? [];
    expect(wrong).toMatch(/reading the branch none: The repository is not there|has no check to wait for/);
  });
});
