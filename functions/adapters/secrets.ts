import { GetSecretValueCommand, type SecretsManagerClient } from "@aws-sdk/client-secrets-manager";
import { CodedError } from "../contracts/errors.ts";
import { ageOf, type EpochMs } from "../contracts/time.ts";
import { translated } from "./aws-errors.ts";

/** A token that was replaced is noticed within five minutes. */
const FRESH_MS = 300_000;

/** The token in the secret of that name; undefined for no name. Throws config.invalid, repository.unavailable. */
export type Secrets = (name: string | undefined) => Promise<string | undefined>;

/** Reads named secrets, each once in five minutes: one call, then none. */
export function secretsOf(clients: { readonly secrets: SecretsManagerClient; readonly now: () => EpochMs }): Secrets {
  const known = new Map<string, { readonly token: string; readonly readAt: EpochMs }>();
  return async (name) => {
    if (name === undefined) return undefined;
    const found = known.get(name);
    if (found && ageOf(found.readAt, clients.now()) < FRESH_MS) return found.token;
    const token = await read(clients.secrets, name);
    known.set(name, { token, readAt: clients.now() });
    return token;
  };
}

/**
 * Secrets Manager does not have the secret, keeps it from the function, or can't decrypt it. InvalidRequest: the secret is marked for
 * deletion. InvalidParameter: its name is none.
 */
const UNREADABLE = /ResourceNotFound|AccessDenied|DecryptionFailure|InvalidRequest|InvalidParameter/;

async function read(secrets: SecretsManagerClient, name: string): Promise<string> {
  const { SecretString } = await secrets.send(new GetSecretValueCommand({ SecretId: name })).catch((cause: unknown) => {
    if (cause instanceof Error && UNREADABLE.test(cause.name))
      throw new CodedError("config.invalid", `secret ${name} can't be read: ${cause.name}: ${cause.message}`, {
        cause,
      });
    throw translated(cause, "repository.unavailable", `reading secret ${name}`);
  });
  const token = SecretString?.trim();
  if (!token) throw new CodedError("config.invalid", `secret ${name} holds no text`);
  return token;
}
