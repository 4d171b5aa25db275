import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { Client } from "@modelcontextprotocol/sdk/client/index.js";
import { StdioClientTransport } from "@modelcontextprotocol/sdk/client/stdio.js";
import { CallToolResultSchema } from "@modelcontextprotocol/sdk/types.js";
import { execa } from "execa";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { git } from "../../localstack/sandbox/git.ts";
import { startTopology, type Topology } from "../support/topology.ts";

const PROGRAM = resolve("bin/submitqueue.ts");

describe("the command line in a checkout", () => {
  let topology: Topology;
  let home = "";
  let checkout = "";
  beforeAll(async () => {
    topology = await startTopology({
      shop: {
        buildRunner: {
          type: "command",
          command: "test ! -e broken || { echo FAIL broken is there; exit 1; }",
          pollSeconds: 1,
        },
      },
      docs: { buildRunner: { type: "fake", pollSeconds: 1 } },
    });
    home = await mkdtemp(join(tmpdir(), "checkout-"));
    checkout = join(home, "shop");
    await git(home, ["clone", "--quiet", topology.at("shop").remote.path, checkout]);
  });
  afterAll(async () => {
    await topology.stop();
    await rm(home, { recursive: true, force: true });
  });

  const submitqueue = (...args: string[]) =>
    execa(process.execPath, [PROGRAM, ...args], {
      cwd: checkout,
      env: { HOME: home, XDG_CONFIG_HOME: "", SUBMITQUEUE_URL: topology.url, SUBMITQUEUE_QUEUE: "" },
      reject: false,
    });
  const commitTo = async (branch: string, file: string) => {
    await git(checkout, ["switch", "--quiet", "--create", branch, "origin/main"]);
    await writeFile(join(checkout, file), `${branch}\n`);
    await git(checkout, ["add", "."]);
    await git(checkout, ["commit", "--quiet", "--message", `Add ${file}`]);
  };

  it("refuses a branch that was not pushed, lands it once it was, in the queue of the checkout's remote", async () => {
    await commitTo("hello", "hello.txt");
    expect(await submitqueue("land", "--wait")).toMatchObject({
      exitCode: 2,
      stderr: expect.stringContaining("git push"),
    });
    expect(await submitqueue("land", "helo")).toMatchObject({
      exitCode: 2,
      stderr: "There is no branch helo, neither here nor on origin.",
    });
    await git(checkout, ["push", "--quiet", "origin", "hello"]);
    const landed = await submitqueue("land", "--wait");
    expect(landed).toMatchObject({ exitCode: 0, stderr: "" });
    expect(landed.stdout).toMatch(
      /^shop\/1 is accepted\n[\s\S]* Build started [\s\S]*\nshop\/1 has landed as [0-9a-f]{40}$/,
    );
    expect(await topology.at("shop").remote.show("main", "hello.txt")).toBe("hello");
  });

  it("tries a land: says what would merge and what would not, and makes no request", async () => {
    await commitTo("clean", "clean.txt");
    await git(checkout, ["push", "--quiet", "origin", "clean"]);
    const merges = await submitqueue("land", "--dry-run", "--json");
    expect(merges.exitCode).toBe(0);
    const trunk = (await git(checkout, ["ls-remote", "origin", "refs/heads/main"])).split("\t")[0];
    expect(JSON.parse(merges.stdout)).toMatchObject({
      mergeable: true,
      trunk,
      touches: { files: 1, paths: ["clean.txt"] },
    });

    // The branch was made before hello landed, and adds the same file.
    await git(checkout, ["switch", "--quiet", "--create", "clash", "origin/main"]);
    await writeFile(join(checkout, "hello.txt"), "another\n");
    await git(checkout, ["add", "."]);
    await git(checkout, ["commit", "--quiet", "--message", "Clash"]);
    await git(checkout, ["push", "--quiet", "origin", "clash"]);
    const clashes = await submitqueue("land", "clash", "--dry-run", "--json");
    expect(clashes.exitCode).toBe(1);
    expect(JSON.parse(clashes.stdout)).toMatchObject({
      mergeable: false,
      reason: { code: "merge.conflict" },
      conflicts: ["hello.txt"],
    });
    expect(JSON.parse((await submitqueue("list", "--json")).stdout)).toHaveLength(1);
    expect(await git(checkout, ["ls-remote", "origin", "refs/heads/main"])).toContain(trunk ?? "?");
  });

  it("refuses a branch whose remote is behind it, and tells the end of a request that did not land", async () => {
    await commitTo("bad", "broken");
    await git(checkout, ["push", "--quiet", "origin", "bad"]);
    const refused = await submitqueue("land", "bad", "--wait");
    expect(refused.exitCode).toBe(1);
    expect(refused.stdout).toMatch(/\nshop\/2 was not landed: /);
    await writeFile(join(checkout, "more.txt"), "more\n");
    await git(checkout, ["add", "."]);
    await git(checkout, ["commit", "--quiet", "--message", "More"]);
    expect(await submitqueue("land")).toMatchObject({
      exitCode: 2,
      stderr: expect.stringContaining("push or pull it first"),
    });
  });

  it("serves an agent, which lands, is refused, repairs, and lands", async () => {
    const agent = new Client({ name: "test", version: "1" });
    const env = { HOME: home, PATH: process.env["PATH"] ?? "", SUBMITQUEUE_URL: topology.url };
    await agent.connect(
      new StdioClientTransport({ command: process.execPath, args: [PROGRAM, "mcp"], cwd: checkout, env }),
    );
    // As every client does. From then on it holds what a tool answers against the schema of the tool's output.
    await agent.listTools();
    // biome-ignore lint/suspicious/noExplicitAny: a test reads what it expects to be there.
    const use = async (name: string, input: object = {}): Promise<any> => {
      const { content, isError } = CallToolResultSchema.parse(await agent.callTool({ name, arguments: { ...input } }));
      const [said] = content;
      return { ...(said?.type === "text" ? JSON.parse(said.text) : {}), isError: isError ?? false };
    };
    const end = async (request: string) => {
      for (;;) {
        const outcome = await use("wait", { request });
        if (outcome.phase === "ended") return outcome;
      }
    };

    await commitTo("agent", "broken");
    const unpushed = await use("land");
    expect(unpushed).toMatchObject({ isError: true, code: "usage", sentence: expect.stringContaining("git push") });
    await git(checkout, ["push", "--quiet", "origin", "agent"]);
    expect(await use("land", { dryRun: true })).toMatchObject({
      isError: false,
      landed: false,
      trial: { mergeable: true },
      next: "Call land without dryRun.",
    });
    const first = await use("land");
    expect(first).toMatchObject({ isError: false, landed: false, next: expect.stringContaining("wait") });
    const again = await use("land");
    expect([again.request.sqid, again.already === undefined]).toEqual([first.request.sqid, again.request.ended]);
    expect(await end(first.request.sqid)).toMatchObject({
      landed: false,
      refusal: { code: "build.failed", failingCheck: { lastLines: ["FAIL broken is there"] } },
      next: expect.stringContaining("Mend the change"),
    });

    await git(checkout, ["mv", "broken", "mended.txt"]);
    await git(checkout, ["commit", "--quiet", "--message", "Mend it"]);
    await git(checkout, ["push", "--quiet", "origin", "agent"]);
    const second = await use("land", { changes: ["agent"] });
    const landed = await end(second.request.sqid);
    expect(landed).toMatchObject({ landed: true, commit: expect.stringMatching(/^[0-9a-f]{40}$/) });
    expect(await topology.at("shop").remote.show("main", "mended.txt")).toBe("agent");

    expect(await use("land", { changes: ["agent"] })).toMatchObject({ already: "landed", commit: landed.commit });
    expect(await use("cancel", { request: second.request.sqid })).toMatchObject({ already: "landed", isError: false });
    expect(await use("status", { request: "shop/999" })).toMatchObject({ isError: true, code: "land.unknown" });
    expect((await use("list")).requests[0].sqid).toBe(second.request.sqid);
    expect(await use("queue")).toMatchObject({ name: "shop", mode: "open" });
    expect((await use("why", { request: second.request.sqid })).sentence).toContain(landed.commit);
    await agent.close();
  });
});
