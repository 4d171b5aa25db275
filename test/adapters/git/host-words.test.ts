import { expect, it } from "vitest";
import { wordsOf } from "../../../functions/adapters/git/host-words.ts";
import { push } from "../../../functions/adapters/git/push.ts";
import { refusals } from "../../../functions/adapters/git/refusals.ts";
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

/** What github.com prints about a protected branch. */
const protectedBranch = (sentence: string) => ({
  why: "[remote rejected] (protected branch hook declined)",
  said: `remote: error: GH006: Protected branch update failed for refs/heads/main.\nremote: error: ${sentence}`,
});

/** What github.com prints about rulesets. The names of owner and repository hold words that rules have, too. */
const ruleset = (sentence: string) => ({
  why: "[remote rejected] (push declined due to repository rule violations)",
  said: [
    "error: GH013: Repository rule violations found for refs/heads/main.",
    "Review all repository rules at https://github.com/acme/secrets-lint/rules?ref=refs%2Fheads%2Fmain",
    "",
    `- ${sentence}`,
  ]
    .map((line) => `remote: ${line}`)
    .join("\n"),
});

it.each([
  ["GH006", 'Required status check "lint" is expected.', "queue"],
  ["GH006", "2 of 3 required status checks are expected.", "queue"],
  ["GH006", "At least 1 approving review is required by reviewers with write access.", "queue"],
  ["GH006", "Waiting on code owner review from acme/secrets.", "queue"],
  ["GH006", "Missing successful active production deployment.", "queue"],
  ["GH006", "Cannot change this locked branch", "queue"],
  ["GH006", "This branch must not contain merge commits.", "change"],
  ["GH013", 'Required status check "secrets-scan" is expected.', "queue"],
  ["GH013", "Changes must be made through a pull request.", "queue"],
  ["GH013", "Changes must be made through the merge queue", "queue"],
  ["GH013", "Cannot update this protected ref.", "queue"],
  ["GH013", "Cannot create ref due to creations being restricted.", "queue"],
  ["GH013", "Commits must have verified signatures.", "queue"],
  ["GH013", "Code scanning is waiting for results from CodeQL for the commits 0a1b2c3.", "queue"],
  ["GH013", "Push cannot contain secrets", "change"],
  ["GH013", 'Commit message must match the pattern "^[A-Z]+-"', "change"],
  ["GH013", 'File "big.bin" exceeds the maximum file size', "change"],
])("GitHub's words are told apart by the rule, and not by the names in them: %s, %s", (code, sentence, about) => {
  const { why, said } = (code === "GH006" ? protectedBranch : ruleset)(sentence);
  expect(wordsOf([{ ref: "refs/heads/main", why }], said)).toMatchObject({ about, refs: ["refs/heads/main"] });
});

it.each([
  ['Required status check "signature" is expected.', /the required checks report on .* github-checks/],
  ["Commits must have verified signatures.", /set commitSigningSecret/],
  ["Changes must be made through a pull request.", /may bypass the rule\.$/],
  ["Changes must be made through the merge queue", /may bypass the rule\.$/],
  ["Cannot change this locked branch", /open the branch again/],
  ["You're not authorized to push to this branch.", /have to let the queue push to main\.$/],
])("a rule against every push of the queue says what operators do: %s", (sentence, mending) => {
  const { why, said } = protectedBranch(sentence);
  const words = wordsOf([{ ref: "refs/heads/main", why }], said);
  expect(words?.about).toBe("queue");
  expect(refusals.refusesQueue("main", words?.text ?? "").message).toMatch(mending);
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
