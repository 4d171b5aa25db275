import { expect, it } from "vitest";
import { admissionFailed } from "../../../functions/handlers/orchestrator/reasons.ts";

const thrown = (code: string, errorMessage: string) => ({ Error: code, Cause: JSON.stringify({ errorMessage }) });

it("a repository that can't be used is told in its own words, without a code in the sentence", () => {
  expect(admissionFailed(thrown("repository.refused", "/srv/shop.git has no branch refs/heads/main"))).toEqual({
    code: "repository.refused",
    message: "/srv/shop.git has no branch refs/heads/main.",
  });
  expect(admissionFailed({ Error: "repository.refused", Cause: "" }).message).toMatch(/./);
});

it("a failure that is no reason of a request is told as internal, with what failed", () => {
  const { code, message } = admissionFailed(thrown("store.unreadable", "batch main/1 can't be read"));
  expect(code).toBe("internal");
  expect(message).toContain("(store.unreadable: batch main/1 can't be read)");
});
