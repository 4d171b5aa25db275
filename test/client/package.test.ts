import { once } from "node:events";
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { dirname, join, resolve } from "node:path";
import { execa } from "execa";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import root from "../../package.json" with { type: "json" };

const { dependencies, version }: { dependencies: Record<string, string>; version: string } = JSON.parse(
  readFileSync("client/package.json", "utf8"),
);

describe("the package of the client", () => {
  const home = mkdtempSync(join(tmpdir(), "client-package-"));
  const modules = join(home, "node_modules");
  const installed = join(modules, "@submitqueue", "client");
  let files: string[] = [];

  beforeAll(async () => {
    const { stdout } = await execa("npm", ["pack", "--json", "--pack-destination", home], { cwd: "client" });
    const [packed] = JSON.parse(stdout.slice(stdout.indexOf("[")));
    files = packed.files.map(({ path }: { path: string }) => path);
    mkdirSync(installed, { recursive: true });
    await execa("tar", ["-xzf", join(home, packed.filename), "-C", installed, "--strip-components", "1"]);
    // As npm would install them, without a network: what the package declares, and nothing else.
    for (const name of [...Object.keys(dependencies), "@types/node"]) {
      mkdirSync(dirname(join(modules, name)), { recursive: true });
      symlinkSync(resolve("node_modules", name), join(modules, name));
    }
    writeFileSync(join(home, "package.json"), JSON.stringify({ type: "module" }));
  });
  afterAll(() => rmSync(home, { recursive: true, force: true }));

  const node = (...args: readonly string[]) =>
    execa(process.execPath, args, {
      cwd: home,
      reject: false,
      env: { HOME: home, XDG_CONFIG_HOME: "", XDG_CACHE_HOME: "", NODE_COMPILE_CACHE: undefined },
    });

  it("has the versions of this repository, and no sources", () => {
    const declared: Record<string, string> = root.dependencies;
    expect(dependencies).toEqual(Object.fromEntries(Object.keys(dependencies).map((name) => [name, declared[name]])));
    expect(version).toBe(root.version);
    expect(files).toEqual(
      expect.arrayContaining(["README.md", "package.json", "dist/index.js", "dist/submitqueue.js"]),
    );
    expect(files.filter((path) => path.endsWith(".ts") && !path.endsWith(".d.ts"))).toEqual([]);
  });

  it("is imported by plain Node.js, calls the API, and signs", async () => {
    const server = createServer((call, response) => {
      const signed = /^AWS4-HMAC-SHA256/.test(call.headers.authorization ?? "");
      response.writeHead(200, { "content-type": "application/json" });
      response.end(JSON.stringify({ service: "gateway", version: String(signed), time: "2026-11-25T10:00:00.000Z" }));
    });
    await once(server.listen(0, "127.0.0.1"), "listening");
    const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
    const program = `
      import { ApiError, Client, follow } from "@submitqueue/client";
      import { sdkCredentials } from "@submitqueue/client/credentials";
      import { signedFetch } from "@submitqueue/client/sign";
      const credentials = { accessKeyId: "AKIA", secretAccessKey: "s" };
      const signed = new Client({ url: ${JSON.stringify(url)}, fetch: signedFetch({ credentials, region: "eu-west-1" }) });
      console.log(typeof follow, typeof sdkCredentials, (await signed.ping()).version);
      const gone = new Client({ url: "http://127.0.0.1:1", retries: 0 });
      console.log(await gone.ping().catch((error) => error instanceof ApiError && error.failure.kind));`;
    writeFileSync(join(home, "program.js"), program);
    const { stdout, stderr } = await node("program.js");
    server.close();
    expect(stderr).toBe("");
    expect(stdout.split("\n")).toEqual(["function function true", "unreachable"]);
  });

  it("has a command line that starts, without the simulator", async () => {
    const program = join(installed, "dist", "submitqueue.js");
    const help = await node(program, "--help");
    expect(help.exitCode).toBe(0);
    expect(help.stdout).toMatch(/\n {2}land /);
    expect(help.stdout).not.toMatch(/\n {2}simulate /);
    expect((await node(program, "queues", "--url", "http://127.0.0.1:1")).exitCode).toBe(3);
  });

  it("keeps its compiled code where only the user can write", () => {
    expect(readdirSync(join(home, ".cache", "submitqueue"))).not.toEqual([]);
    expect(existsSync(join(tmpdir(), "node-compile-cache"))).toBe(false);
  });

  it("tells TypeScript what it takes and answers", async () => {
    const source = `
      import { Client, type RequestSummary } from "@submitqueue/client";
      import { signedFetch } from "@submitqueue/client/sign";
      const queue = new Client({ url: "", fetch: signedFetch({ credentials: { accessKeyId: "", secretAccessKey: "" } }) }).queue("main");
      const request: RequestSummary = await queue.request(1);
      export const number: number = request.number;
      // @ts-expect-error a status is no number
      export const wrong: number = request.status;
      // @ts-expect-error there is no such strategy
      await queue.land([], { strategy: "OTHER" });`;
    writeFileSync(join(home, "program.ts"), source);
    const compiler = resolve("node_modules/@typescript/native/bin/tsc");
    const options = ["--noEmit", "--strict", "--skipLibCheck", "--module", "nodenext", "--target", "es2024"];
    const { stdout } = await node(compiler, ...options, "program.ts");
    expect(stdout).toBe("");
  });
});
