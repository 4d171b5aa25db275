import { tmpdir } from "node:os";
import { describe, expect, it } from "vitest";
import type { Processes } from "../../functions/adapters/processes.ts";

export const call = (script: string, timeoutMs = 600_000) => ({
  file: "sh",
  args: ["-c", script],
  directory: tmpdir(),
  env: { PATH: process.env["PATH"] ?? "" },
  timeoutMs,
});

/** What each implementation of Processes promises. */
export function processesSuite(name: string, processes: Processes): void {
  describe(`processes: ${name}`, () => {
    it("tells the exit code and both outputs, as bytes", async () => {
      const end = await processes.run(call(String.raw`printf '\377\000a'; printf 'oh' >&2; exit 3`));
      if (end.kind !== "exited") throw new Error(end.kind);
      expect(end.exitCode).toBe(3);
      expect([...end.stdout]).toEqual([255, 0, 97]);
      expect(end.stderr.toString()).toBe("oh");
    });

    it("hands the input on, also one of some megabytes", async () => {
      const input = Buffer.alloc(3_000_000, "xyz\n");
      const end = await processes.run({ ...call("cat"), input });
      if (end.kind !== "exited") throw new Error(end.kind);
      expect(end.stdout.equals(input)).toBe(true);
    });

    it("gives a program nothing to read that gets no input", async () => {
      expect(await processes.run(call("cat"))).toMatchObject({ kind: "exited", exitCode: 0 });
    });

    it("tells a program nothing of its surroundings but what the call says", async () => {
      const end = await processes.run({ ...call("env"), env: { PATH: process.env["PATH"] ?? "", ONLY: "this" } });
      const names = end.kind === "exited" ? end.stdout.toString().trim().split("\n") : [];
      expect(
        names.map((line) => line.split("=")[0]).filter((one) => !["_", "PWD", "SHLVL"].includes(one ?? "")),
      ).toEqual(expect.arrayContaining(["ONLY", "PATH"]));
      expect(names.some((line) => line.startsWith("HOME=") || line.startsWith("NODE_"))).toBe(false);
    });

    it("names the signal that ended a program", async () => {
      expect(await processes.run(call("echo why >&2; kill -TERM $$"))).toMatchObject({
        kind: "signalled",
        signal: "SIGTERM",
      });
    });

    it("says that there is no such program", async () => {
      expect(await processes.run({ ...call(""), file: "submitqueue-no-such-program" })).toEqual({
        kind: "not-started",
        code: "ENOENT",
      });
    });

    it("says why the system started no program: an argument is too long, or the directory is not there", async () => {
      expect(await processes.run(call(`: ${"x".repeat(200_000)}`))).toEqual({ kind: "not-started", code: "E2BIG" });
      expect(await processes.run({ ...call(":"), directory: "/no/such/directory" })).toEqual({
        kind: "not-started",
        code: "ENOENT",
      });
    });

    it.each([
      ["is not there", { file: "submitqueue-no-such-program" }, "ENOENT"],
      ["gets an argument that is too long", call(`: ${"x".repeat(200_000)}`), "E2BIG"],
    ])("ends the output of a program that was not started, with the reason: it %s", async (_, more, code) => {
      const dialogue = processes.start({ ...call(""), ...more });
      await dialogue.write("are you there?");
      expect(await dialogue.output.next()).toEqual({ done: true, value: code });
      await dialogue.end();
    });

    it("stops a program that takes too long, with the processes that it has started", async () => {
      // The inner process would hold the output open for a minute.
      expect(await processes.run(call("sleep 60 & wait", 300))).toEqual({ kind: "timed-out" });
    });

    it("runs several at once", async () => {
      const ends = await Promise.all(Array.from({ length: 20 }, (_, n) => processes.run(call(`echo ${n}`))));
      expect(ends.map((end) => (end.kind === "exited" ? end.stdout.toString() : end.kind))).toEqual(
        Array.from({ length: 20 }, (_, n) => `${n}\n`),
      );
    });

    it("speaks with a program until it is ended", async () => {
      const dialogue = processes.start(call('while read line; do echo "<$line>"; done'));
      await dialogue.write("one\n");
      expect(String((await dialogue.output.next()).value)).toBe("<one>\n");
      await dialogue.write("two\n");
      expect(String((await dialogue.output.next()).value)).toBe("<two>\n");
      await dialogue.end();
      expect((await dialogue.output.next()).done).toBe(true);
      await dialogue.end();
    });

    it("ends the output with a program that ends by itself", async () => {
      const dialogue = processes.start(call("echo last"));
      expect(String((await dialogue.output.next()).value)).toBe("last\n");
      expect((await dialogue.output.next()).done).toBe(true);
      await dialogue.write("too late\n");
      await dialogue.end();
    });
  });
}
