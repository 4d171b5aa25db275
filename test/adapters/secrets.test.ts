import { GetSecretValueCommand, SecretsManagerClient } from "@aws-sdk/client-secrets-manager";
import { beforeEach, describe, expect, it } from "vitest";
import { secretsOf } from "../../functions/adapters/secrets.ts";
import { epochMs } from "../../functions/contracts/time.ts";
import { mockedClass } from "../support/mocked-class.ts";

const mock = mockedClass(SecretsManagerClient);
let now = 0;
const open = () => secretsOf({ secrets: new SecretsManagerClient({ region: "eu-west-1" }), now: () => epochMs(now) });
beforeEach(() => {
  mock.reset();
  now = 1_000;
});

describe("named secrets", () => {
  it("reads a token once in five minutes, and sees a new one after that", async () => {
    mock
      .on(GetSecretValueCommand, { SecretId: "token" })
      .resolvesOnce({ SecretString: "old\n" })
      .resolves({ SecretString: "new" });
    const tokenOf = open();
    expect(await tokenOf("token")).toBe("old");
    now += 299_999;
    expect(await tokenOf("token")).toBe("old");
    now += 1;
    expect(await tokenOf("token")).toBe("new");
    expect(mock.calls()).toHaveLength(2);
  });

  it("has no token for no name", async () => {
    expect(await open()(undefined)).toBeUndefined();
    expect(mock.calls()).toEqual([]);
  });

  it.each([
    ["ResourceNotFoundException", "config.invalid"],
    ["AccessDeniedException", "config.invalid"],
    ["InvalidRequestException", "config.invalid"],
    ["DecryptionFailure", "config.invalid"],
    ["ThrottlingException", "repository.unavailable"],
  ])("translates %s into %s, and says no secret in it", async (name, code) => {
    mock.rejects(Object.assign(new Error("said so"), { name }));
    await expect(open()("token")).rejects.toMatchObject({ code });
  });

  it("refuses a secret without text", async () => {
    mock.resolves({ SecretString: " " });
    await expect(open()("token")).rejects.toMatchObject({ code: "config.invalid" });
  });
});
