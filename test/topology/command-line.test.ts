import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
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
      shop: { buildRunner: { type: "command", command: "test ! -e broken", pollSeconds: 1 } },
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
    await git(checkout, ["push", "--quiet", "origin", "hello"]);
    const landed = await submitqueue("land", "--wait");
    expect(landed).toMatchObject({ exitCode: 0, stderr: "" });
    expect(landed.stdout).toMatch(
      /^shop\/1 is accepted\n[\s\S]* building [\s\S]*\nshop\/1 has landed as [0-9a-f]{40}$/,
    );
    expect(await topology.at("shop").remote.show("main", "hello.txt")).toBe("hello");
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
});
