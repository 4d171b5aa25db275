import { spawn } from "node:child_process";
import { copyFileSync, mkdirSync, readFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { createInterface } from "node:readline";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { readQueuesFile } from "../../lib/queues-file.ts";
import { sandboxRemote } from "../../localstack/sandbox/sandbox.ts";
import { aQueuesFile, aStateDirectory } from "./fixture/runtime.ts";

const REPOSITORY = resolve(import.meta.dirname, "..", "..");
const EMBEDDED = join(REPOSITORY, "localstack", "embedded");

const start = (...args: readonly string[]) => startWith({}, ...args);

function startWith(env: Readonly<Record<string, string>>, ...args: readonly string[]) {
  const program = [join(EMBEDDED, "main.ts"), ...args];
  const stdio = ["ignore", "pipe", "pipe"] as const;
  const child = spawn(process.execPath, program, { stdio: [...stdio], env: { ...process.env, ...env } });
  let complaints = "";
  child.stderr.setEncoding("utf8").on("data", (text: string) => {
    complaints += text;
  });
  const exited = new Promise<number | null>((done) => child.once("close", (code) => done(code)));
  return { child, exited, complaints: () => complaints };
}

describe("npm start", () => {
  let started: ReturnType<typeof startWith>;
  const lines: string[] = [];
  beforeAll(async () => {
    const secrets = { SUBMITQUEUE_SECRET_TOKEN: "hush", LEFT: "alone" };
    // As of a checkout below a directory whose name has a blank.
    const home = join(aStateDirectory(), "My Code");
    mkdirSync(home);
    const queues = join(home, "queues.yaml");
    copyFileSync(aQueuesFile(), queues);
    started = startWith(secrets, "--queues", queues, "--state", join(home, "state"), "--port", "0", "--quiet");
    for await (const line of createInterface({ input: started.child.stdout })) {
      lines.push(line);
      if (line.startsWith("Ctrl-C")) break;
    }
  });
  afterAll(() => started.child.kill("SIGKILL"));

  it("prints where it is, and serves the queues of its file", async () => {
    const [url] = lines.flatMap((line) => /runs at (http:\/\/127\.0\.0\.1:\d+)$/.exec(line)?.[1] ?? []);
    const answer = await fetch(`${url}/v1/queues`);
    const remote = expect.stringMatching(/\/My Code\/remote\.git$/);
    expect(await answer.json()).toMatchObject({ queues: [{ name: "fixture", repository: remote }] });
    expect(lines.join("\n")).toMatch(/ \. '\S+\/My Code\/state\/aws\.env'\)$/m);
  });

  it.runIf(process.platform === "linux")("shows no secret of the queue in the environment of its process", () => {
    const environment = readFileSync(`/proc/${started.child.pid}/environ`, "utf8").split("\0");
    expect(environment).toContain("LEFT=alone");
    expect(environment.filter((entry) => entry.includes("hush"))).toEqual([]);
  });

  it("ends with 0 when it is stopped", async () => {
    started.child.kill("SIGTERM");
    expect(await started.exited).toBe(0);
  });

  it("ends with 0 through npm on one Ctrl-C, which npm passes on a second time", async () => {
    const flags = ["--queues", aQueuesFile(), "--state", aStateDirectory(), "--port", "0", "--quiet"];
    const stdio = ["ignore", "pipe", "ignore"] as const;
    const npm = spawn("npm", ["start", "--", ...flags], { cwd: REPOSITORY, detached: true, stdio: [...stdio] });
    const exited = new Promise<unknown>((done) => npm.once("close", (code, signal) => done(code ?? signal)));
    for await (const line of createInterface({ input: npm.stdout })) if (line.startsWith("Ctrl-C")) break;
    // As a terminal does: to npm, and to what npm has started.
    process.kill(-(npm.pid ?? 0), "SIGINT");
    expect(await exited).toBe(0);
  });

  it("runs on a fauxqs of exactly one version, whose files are loaded by their paths", () => {
    const read = (file: string) => JSON.parse(readFileSync(join(REPOSITORY, file), "utf8"));
    const pinned: string = read("package.json").devDependencies.fauxqs;
    expect(pinned).toMatch(/^\d+\.\d+\.\d+$/);
    const { packages } = read("package-lock.json");
    expect([packages[""].devDependencies.fauxqs, packages["node_modules/fauxqs"].version]).toEqual([pinned, pinned]);
  });

  it.each<[string, readonly string[], RegExp]>([
    ["a flag that it does not know", ["--colour"], /unknown option '--colour'[\s\S]*Usage:/],
    ["a port that is none", ["--port", "http"], /'--port <port>' argument 'http' is invalid[\s\S]*Usage:/],
    [
      "a queue configuration that is not there",
      ["--queues", "/nowhere/queues.yaml"],
      /'\/nowhere\/queues.yaml' is invalid. There is no such file/,
    ],
  ])("refuses %s with exit code 2 and its usage", async (_, args, said) => {
    const { exited, complaints } = start(...args);
    expect(await exited).toBe(2);
    expect(complaints()).toMatch(said);
  });

  it("refuses a faulty queue configuration with its line and field", async () => {
    const queues = aQueuesFile("queues:\n  - name: Nope\n");
    const { exited, complaints } = start("--queues", queues, "--state", aStateDirectory(), "--port", "0");
    expect(await exited).toBe(2);
    expect(complaints()).toMatch(/queues\.yaml:2:\d+ queues\[0\]\.name: a queue name matches/);
  });

  it("refuses a state directory that is a file, without a stack trace", async () => {
    const { exited, complaints } = start("--queues", aQueuesFile(), "--state", aQueuesFile(), "--port", "0");
    expect(await exited).toBe(2);
    expect(complaints()).toMatch(/^\S+ can't keep the state: .* Name another state directory\n$/);
  });

  it("comes with a queue onto the sandbox", () => {
    const { queues } = readQueuesFile(join(EMBEDDED, "queues.yaml"));
    const remotes = queues.map(({ repository }) => resolve(EMBEDDED, repository.remote));
    expect(remotes).toEqual([sandboxRemote(join(REPOSITORY, ".submitqueue"))]);
  });
});
