import { execFileSync, spawnSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { generateKey } from "openpgp";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { openRepository } from "../../functions/adapters/git/repository.ts";
import { signerFrom } from "../../functions/adapters/git/signing-key.ts";
import type { MergeStrategy } from "../../functions/contracts/strategy.ts";
import { landing, Sandbox, unit } from "../adapters/git/sandbox.ts";
import { Runway } from "./runway.ts";

let home: string;
const keys: Record<string, string> = {};
const COMMITTER = { name: "The Queue", email: "queue@example.test" };

const keygen = (file: string, ...args: string[]) => {
  execFileSync("ssh-keygen", ["-q", "-C", COMMITTER.email, "-f", join(home, file), ...args]);
  return readFileSync(join(home, file), "utf8");
};

beforeAll(async () => {
  home = mkdtempSync(join(tmpdir(), "signing-"));
  keys["ssh"] = keygen("ssh", "-t", "ed25519", "-N", "");
  const openpgp = await generateKey({
    userIDs: [COMMITTER],
    type: "ecc",
    curve: "ed25519Legacy" as never,
    format: "armored",
  });
  keys["openpgp"] = openpgp.privateKey;
  writeFileSync(join(home, "openpgp.pub"), openpgp.publicKey);
  const pub = readFileSync(join(home, "ssh.pub"), "utf8");
  writeFileSync(join(home, "allowed"), `${COMMITTER.email} namespaces="git" ${pub}`);
});
afterAll(() => {
  spawnSync("gpgconf", ["--homedir", home, "--kill", "all"]);
  rmSync(home, { recursive: true, force: true });
});

let sandbox: Sandbox;
beforeEach(() => {
  sandbox = new Sandbox();
});
afterEach(() => sandbox.remove());

async function runwayWith(key: string, workDirectory = sandbox.workDirectory): Promise<Runway> {
  const signer = await signerFrom(keys[key] ?? "", key);
  return new Runway(sandbox, await openRepository({ workDirectory, repository: sandbox.config.repository, signer }));
}

/** What git says of a commit's signature, with nothing but the public key. */
function verify(commit: string) {
  const settings = ["-c", `gpg.ssh.allowedSignersFile=${join(home, "allowed")}`];
  const env = { PATH: process.env["PATH"], HOME: home, GNUPGHOME: home, GIT_CONFIG_NOSYSTEM: "1", LC_ALL: "C" };
  const { status, stderr } = spawnSync("git", [...settings, "verify-commit", commit], {
    cwd: sandbox.remote,
    env,
    encoding: "utf8",
  });
  return { isGood: status === 0, said: stderr };
}

describe.each([["ssh"], ["openpgp"]])("a queue that signs with a key of %s", (key) => {
  beforeAll(() => {
    if (key === "openpgp")
      execFileSync("gpg", ["--homedir", home, "--batch", "--quiet", "--import", join(home, "openpgp.pub")]);
  });

  it.each<MergeStrategy>(["REBASE", "SQUASH_REBASE", "MERGE"])(
    "signs each commit that it makes: %s",
    async (strategy) => {
      const runway = await runwayWith(key);
      sandbox.intrude();
      const sketches = [
        { files: { a: "1\n" }, message: "one\n\nBody.\n" },
        { files: { b: "1\n" }, message: "zwei ü\n" },
      ];
      const outcome = await runway.landAlone(unit(1, [sandbox.branch("one", sketches)], strategy));
      if (outcome.kind !== "landed") throw new Error(JSON.stringify(outcome));
      for (const commit of outcome.commits) expect(verify(commit)).toMatchObject({ isGood: true });
      expect(sandbox.git("fsck", "--strict")).not.toContain("error");
    },
  );

  it("lands the very commits that were built, in their order, though each was composed elsewhere", async () => {
    const [first, second] = ["one", "two"].map((name) =>
      unit(Number(name === "two") + 1, [sandbox.branch(name, [{ files: { [name]: "1\n" } }])]),
    );
    if (first === undefined || second === undefined) throw new Error("two units");
    const [one, other] = [await runwayWith(key, join(home, `${key}-1`)), await runwayWith(key, join(home, `${key}-2`))];
    const alone = await one.tested(first);
    const both = await other.tested(second, [first]);
    const message = landing("l1", [
      { unit: first, tested: alone },
      { unit: second, tested: both },
    ]);
    expect(await one.land(message)).toMatchObject([{ commit: alone.commit }, { commit: both.commit }]);
    expect(sandbox.trunk).toBe(both.commit);
  });
});

it("a commit that was changed after it was signed does not verify", async () => {
  const runway = await runwayWith("ssh");
  await runway.landAlone(unit(1, [sandbox.branch("one", [{ files: { a: "1\n" } }])]));
  const forged = sandbox.bytes(sandbox.trunk).toString().replace("change", "chance");
  expect(verify(sandbox.store("commit", Buffer.from(forged))).isGood).toBe(false);
});

it("a queue without a key signs nothing", async () => {
  const runway = await Runway.on(sandbox);
  await runway.landAlone(unit(1, [sandbox.branch("one", [{ files: { a: "1\n" } }])]));
  expect(sandbox.git("cat-file", "commit", sandbox.trunk)).not.toContain("gpgsig");
});

it.each<[string, () => string, RegExp]>([
  [
    "of another type",
    () => keygen("ecdsa", "-t", "ecdsa", "-N", ""),
    /type ecdsa-sha2-nistp256, and has to be ssh-ed25519/,
  ],
  ["under a passphrase", () => keygen("locked", "-t", "ed25519", "-N", "secret"), /under a passphrase/],
  ["that is cut off", () => (keys["ssh"] ?? "").replace(/\n.{20}\n-----END/, "\n-----END").slice(0, 200), /can't sign/],
  ["that is none", () => "hunter2", /neither an OpenSSH private key nor/],
])("a key %s is refused, and never shown", async (_what, make, problem) => {
  const key = make();
  const error = await signerFrom(key, "submitqueue/signing").catch((thrown: unknown) => thrown);
  expect(error).toMatchObject({ code: "config.invalid", message: expect.stringMatching(problem) });
  expect(String(error)).not.toContain(key.slice(40, 60) || "hunter2");
});
