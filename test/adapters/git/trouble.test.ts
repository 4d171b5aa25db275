import { execFileSync } from "node:child_process";
import { chmodSync, cpSync, mkdirSync, rmSync, writeFileSync } from "node:fs";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { complaint, runGit, settingsEnvironment } from "../../../functions/adapters/git/process.ts";
import { troubleWith } from "../../../functions/adapters/git/trouble.ts";
import { Sandbox } from "./sandbox.ts";

let sandbox: Sandbox;
let http: Server;
const closing: (() => unknown)[] = [];

beforeAll(async () => {
  sandbox = new Sandbox();
  // Answers `/<status>/…` with that status, as a host in that state would.
  http = createServer((request, response) => {
    const status = Number(/^\/(\d{3})/.exec(request.url ?? "")?.[1] ?? 500);
    const headers = { 301: { location: "http://127.0.0.1:9/x.git" }, 401: { "www-authenticate": "Basic realm=x" } };
    response.writeHead(status, headers[status as 401]).end("no");
  }).listen(0, "127.0.0.1");
  await new Promise((listening) => http.once("listening", listening));
});
afterAll(() => {
  http.closeAllConnections();
  http.close();
  for (const close of closing) close();
  sandbox.remove();
});

/** Runs git against a remote that will not do, and says what became of it. */
async function outcomeOf(remote: string, args: readonly string[], env: Record<string, string> = {}) {
  await sandbox.open();
  const call = { directory: sandbox.remote, args, env: { ...settingsEnvironment(), ...env }, timeoutMs: 600_000 };
  const { exitCode, stderr } = await runGit(call);
  expect(exitCode, stderr).not.toBe(0);
  return troubleWith(remote, "fetched", stderr);
}
const fetching = (remote: string, env?: Record<string, string>) =>
  outcomeOf(remote, ["fetch", remote, "refs/heads/main"], env);
const pushing = (remote: string, env?: Record<string, string>) =>
  outcomeOf(remote, ["push", remote, "refs/heads/main:refs/heads/main"], env);

const at = (status: number) => `http://127.0.0.1:${(http.address() as AddressInfo).port}/${status}/x.git`;

/** An `ssh` that says something and fails, in place of the real one. */
function sshThatSays(words: string): Record<string, string> {
  const script = join(sandbox.directory, `ssh-${words.length}`);
  writeFileSync(script, `#!/bin/sh\nprintf '%s\\n' "${words}" >&2\nexit 255\n`);
  chmodSync(script, 0o755);
  return { GIT_SSH_COMMAND: script };
}

describe("a remote that can never work is refused for good, in its own words", () => {
  it.each([
    [401, /credentials/],
    [403, /credentials/],
    [404, /no such repository/i],
    [410, /no such repository/i],
    [301, /redirect/],
  ])("over http with %i", async (status, advice) => {
    for (const answer of [await fetching(at(status)), await pushing(at(status))])
      expect(answer).toMatchObject({ code: "repository.refused", message: expect.stringMatching(advice) });
  });

  it.each([
    ["git@host: Permission denied (publickey).", /credentials/],
    ["Host key verification failed.", /host key/],
    ["@ WARNING: REMOTE HOST IDENTIFICATION HAS CHANGED! @", /host key/],
    ["ERROR: Repository not found.", /no such repository/i],
    ["ERROR: Permission to acme/shop.git denied to deploy key", /credentials/],
  ])("over ssh with %j", async (words, advice) => {
    const answer = await fetching("ssh://git@git.example.test/x.git", sshThatSays(words));
    expect(answer).toMatchObject({ code: "repository.refused", message: expect.stringMatching(advice) });
    expect(answer.message).toContain(words.slice(0, 30));
  });

  it("at a path that is a file, or a directory without a repository", async () => {
    const [file, directory] = [join(sandbox.directory, "file"), join(sandbox.directory, "directory")];
    writeFileSync(file, "x");
    mkdirSync(directory, { recursive: true });
    for (const remote of [file, directory, `file://${file}`, `file://${directory}`])
      expect(await fetching(remote)).toMatchObject({ code: "repository.refused" });
  });

  it("over a protocol that is not allowed", async () => {
    expect(await fetching("ext::sh -c x", { GIT_ALLOW_PROTOCOL: "https" })).toMatchObject({
      code: "repository.refused",
    });
  });

  it("when it stores objects by SHA-256", async () => {
    const remote = join(sandbox.directory, "sha256.git");
    const env = { PATH: process.env["PATH"], GIT_CONFIG_GLOBAL: "/dev/null", GIT_CONFIG_NOSYSTEM: "1" };
    execFileSync("git", ["init", "--quiet", "--bare", "--object-format=sha256", "--initial-branch=main", remote], {
      env,
    });
    const script = "commit refs/heads/main\ncommitter A <a@b> 0 +0000\ndata 1\nx\n";
    execFileSync("git", ["fast-import", "--quiet"], { cwd: remote, env, input: script });
    for (const answer of [await fetching(remote), await pushing(remote)])
      expect(answer).toMatchObject({ code: "repository.refused", message: expect.stringContaining("SHA-256") });
    const other = new Sandbox({ repository: { remote, branch: "main", tokenUser: "x" } });
    await expect((await other.open()).trunk()).rejects.toMatchObject({ code: "repository.refused" });
    other.remove();
  });

  it("when it is a shallow clone, whose branch git leaves out without failing", async () => {
    const remote = join(sandbox.directory, "shallow.git");
    cpSync(sandbox.remote, remote, { recursive: true });
    writeFileSync(join(remote, "shallow"), `${sandbox.base}\n`);
    const other = new Sandbox({ repository: { remote, branch: "main", tokenUser: "x" } });
    await expect((await other.open()).trunk()).rejects.toMatchObject({
      code: "repository.refused",
      message: expect.stringContaining("--unshallow"),
    });
    other.remove();
  });
});

describe("a remote that may come back is worth a retry", () => {
  it.each([500, 502, 503, 504, 429])("over http with %i", async (status) => {
    expect(await fetching(at(status))).toMatchObject({ code: "repository.unavailable" });
  });

  it.each([
    "ssh: Could not resolve hostname git.example.test: Name or service not known",
    "ssh: connect to host git.example.test port 22: Connection refused",
    "ssh: connect to host git.example.test port 22: Connection timed out",
    "kex_exchange_identification: Connection closed by remote host",
  ])("over ssh with %j", async (words) => {
    const answer = await fetching("ssh://git@git.example.test/x.git", sshThatSays(words));
    expect(answer).toMatchObject({ code: "repository.unavailable" });
  });

  it("when its port is closed, or its name unknown", async () => {
    for (const remote of ["http://127.0.0.1:1/x.git", "http://no-such-host.invalid/x.git"])
      expect(await fetching(remote)).toMatchObject({ code: "repository.unavailable" });
  });

  it("when there is nothing at its path: the disk may not be there yet", async () => {
    const remote = join(sandbox.directory, "unmounted.git");
    rmSync(remote, { recursive: true, force: true });
    for (const address of [remote, `file://${remote}`])
      expect(await fetching(address)).toMatchObject({ code: "repository.unavailable" });
  });
});

it("what git says is told without the credentials of an address", async () => {
  const said = "fatal: unable to access 'https://user:s3cret@proxy.example.test/': Could not resolve proxy";
  expect(troubleWith("https://git.example.test/x", "fetched", said).message).not.toContain("s3cret");
});

it("no word of git's shows credentials of an address, with any characters", () => {
  for (const userinfo of ["user:secret", "user:s@cret", "s@cr:e@t"])
    expect(complaint(`fatal: unable to access 'https://${userinfo}@proxy.example:3128/': refused\n`)).toBe(
      "fatal: unable to access 'https://proxy.example:3128/': refused",
    );
});
