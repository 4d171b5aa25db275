import { expect, it } from "vitest";
import { wordsOf } from "../../../functions/adapters/git/host-words.ts";
import { push } from "../../../functions/adapters/git/push.ts";
import type { Repository } from "../../../functions/adapters/git/repository.ts";

it("a branch that is checked out at the remote is refused by a rule about the queue's pushes", () => {
  const rejections = [
    { ref: "refs/heads/main", why: "[remote rejected] (branch is currently checked out)" },
    { ref: "refs/submitqueue/x", why: "[remote rejected] (atomic push failure)" },
  ];
  const said = "remote: error: refusing to update checked out branch: refs/heads/main        \nerror: failed to push";
  expect(wordsOf(rejections, said)).toEqual({
    text: "error: refusing to update checked out branch: refs/heads/main; (branch is currently checked out)",
    about: "queue",
    refs: ["refs/heads/main"],
  });
});

it("a push that failed by no rule has no words of the host", () => {
  expect(wordsOf([{ ref: "refs/heads/main", why: "[rejected] (fetch first)" }], "remote: busy")).toBeUndefined();
});

it("the error of a push that failed quotes why each ref was not updated, also when the host says much", async () => {
  const stdout = Buffer.from("To x\n!\trefs/x:refs/heads/main\t[remote rejected] (unpacker error)\nDone\n");
  const stderr = `${"remote: no words that help\n".repeat(8)}error: failed to push some refs to 'x'\n`;
  const git = async () => ({ exitCode: 1, stdout, stderr });
  const answer = await push({ git, remote: "https://git.example.test/x" } as unknown as Repository, []);
  expect(answer).toMatchObject({ kind: "failed", error: { message: expect.stringContaining("unpacker error") } });
});
