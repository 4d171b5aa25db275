import { describe, expect, it } from "vitest";
import { EventPattern, matches } from "../../localstack/embedded/event-pattern.ts";

const pattern = EventPattern.parse({
  source: ["aws.codebuild"],
  detail: { "build-status": ["SUCCEEDED", "FAILED"], "project-name": ["shop"] },
});
const event = (detail: object) => ({ source: "aws.codebuild", id: "1", detail: { "project-name": "shop", ...detail } });

describe("a pattern of events", () => {
  it.each([
    ["with one of the values of each field", event({ "build-status": "FAILED" }), true],
    ["with another value", event({ "build-status": "IN_PROGRESS" }), false],
    ["without a field", event({}), false],
    ["with a list that holds a value", event({ "build-status": ["X", "SUCCEEDED"] }), true],
    ["of another source", { ...event({ "build-status": "FAILED" }), source: "aws.ec2" }, false],
    ["that is a text where the pattern has fields", { source: "aws.codebuild", detail: "FAILED" }, false],
  ])("matches an event %s: or does not", (_, given, expected) => {
    expect(matches(pattern, given)).toBe(expected);
  });

  it("that asks for more than equal values does not run here", () => {
    expect(EventPattern.safeParse({ source: [{ prefix: "aws." }] }).success).toBe(false);
  });
});
