import { spawn } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, statSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { createInterface } from "node:readline";
import { CodeBuildClient, StartBuildCommand } from "@aws-sdk/client-codebuild";
import { afterAll, describe, expect, it } from "vitest";
import { parse } from "yaml";
import { gitHubClient } from "../../functions/adapters/github/client.ts";
import { credentialsFrom } from "../../functions/adapters/github/credentials.ts";
import { QueueConfig } from "../../functions/contracts/queues.ts";
import { epochMs } from "../../functions/contracts/time.ts";
import { parseOptions } from "../../localstack/fakes/options.ts";
import { toEmulator } from "../support/dynalite.ts";
import { aRemote } from "../topology/remote.ts";

const MAIN = resolve(import.meta.dirname, "..", "..", "localstack", "fakes", "main.ts");
const home = mkdtempSync(join(tmpdir(), "submitqueue-fakes-"));
afterAll(() => rmSync(home, { recursive: true, force: true, maxRetries: 10 }));

/** Starts it as a user does, and answers what it printed once everything is there. */
async function started(...args: readonly string[]) {
  const child = spawn(process.execPath, [MAIN, ...args], { stdio: ["ignore", "pipe", "inherit"], cwd: home });
  const exited = new Promise<number | null>((done) => child.once("close", done));
  const lines: string[] = [];
  for await (const line of createInterface({ input: child.stdout })) {
    lines.push(line);
    if (line.startsWith("Ctrl-C")) break;
  }
  const stop = () => {
    child.kill("SIGTERM");
    return exited;
  };
  return { lines, stop };
}

it("the fakes start by hand, print a queue's configuration, and work as it says", async () => {
  const { path, start } = await aRemote(home, "shop", { "check.sh": "exit 0\n" });
  const { lines, stop } = await started(
    ...["--github", `acme/shop=${path}`, "--command", "sh check.sh", "--github-port", "0"],
    ...["--codebuild", "shop-tests", "--codebuild-port", "0"],
  );
  const written = lines
    .filter((line) => /^ {2}(repository|buildRunner): /.test(line))
    .map((line) => parse(line.trim()));
  const [repository, github, codebuild] = written;
  const queue = QueueConfig.parse({ name: "shop", ...repository, ...github });
  const { buildRunner } = queue;
  if (buildRunner.type !== "github-checks") throw new Error("it is another runner");

  const file = join(home, "fake-github-app.json");
  expect(lines.join("\n")).toContain(`SUBMITQUEUE_SECRET_FAKES_GITHUB_FILE=${file} npm start`);
  expect(statSync(file).mode & 0o077).toBe(0);
  const credentials = credentialsFrom(readFileSync(file, "utf8"), "fakes/github");
  const now = () => epochMs(Date.now());
  const client = gitHubClient({ api: buildRunner.api ?? "", owner: "acme", repo: "shop", credentials, now });
  // The check was tried on the trunk, so that a queue sees that it reports.
  const named = { owner: "acme", repo: "shop", ref: start };
  const { data } = await client.call("GET /repos/{owner}/{repo}/commits/{ref}/check-runs", named);
  expect(data.check_runs).toMatchObject([{ name: "check", conclusion: "success" }]);

  const { project: projectName } = QueueConfig.parse({ name: "shop", ...repository, ...codebuild }).buildRunner as {
    project: string;
  };
  const endpoint = /AWS_ENDPOINT_URL_CODEBUILD=(\S+)/.exec(lines.join("\n"))?.[1] ?? "";
  const { build } = await new CodeBuildClient(toEmulator(endpoint)).send(new StartBuildCommand({ projectName }));
  expect(build).toMatchObject({ projectName: "shop-tests", buildStatus: "SUCCEEDED" });

  expect(await stop()).toBe(0);
  expect(() => statSync(file)).toThrow("ENOENT");
});

describe("the flags of the fakes", () => {
  it.each([
    [[], /name a fake to start: --github or --codebuild/],
    [["--github", "shop"], /<owner>\/<name>=<path/],
    [["--github", "acme/shop=/nowhere"], /no bare repository at \/nowhere/],
    [["--codebuild", "a,,b"], /Write a list/],
    [["--codebuild", "a", "--webhook", "https://example.com/"], /the address that npm start prints/],
    [["--codebuild", "a", "--github-port", "x"], /whole number/],
  ])("refuse %j", (args, said) => {
    expect(parseOptions(args)).toMatchObject({ kind: "refused", problem: expect.stringMatching(said) });
  });

  it("have a help", () => {
    expect(parseOptions(["--help"])).toMatchObject({ kind: "help", text: expect.stringContaining("FAKE_OUTCOME") });
  });
});
