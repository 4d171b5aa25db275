import * as z from "zod";
import { CodedError } from "../../contracts/errors.ts";
import { GitHubAppCredentials } from "../../contracts/github-app.ts";

export type GitHubCredentials =
  | ({ readonly kind: "app" } & GitHubAppCredentials)
  /** A personal access token, or any other. */
  | { readonly kind: "token"; readonly token: string };

/**
 * Credentials as a secret holds them: a GitHub App as JSON (`{"appId": 4711, "privateKey": "-----BEGIN …"}`), or a token and nothing
 * else. `name` is what the secret is called in an error. Throws config.invalid.
 */
export function credentialsFrom(secret: string, name: string): GitHubCredentials {
  const text = secret.trim();
  if (!text.startsWith("{")) {
    if (/^[\w.-]+$/.test(text)) return { kind: "token", token: text };
    throw new CodedError("config.invalid", `secret ${name} is neither a GitHub token nor the JSON of a GitHub App`);
  }
  const parsed = GitHubAppCredentials.safeParse(jsonOf(text));
  if (!parsed.success)
    throw new CodedError(
      "config.invalid",
      `secret ${name} does not hold a GitHub App: it is JSON with appId and privateKey (${z.prettifyError(parsed.error).replaceAll(/\s+/g, " ")})`,
    );
  return { kind: "app", ...parsed.data };
}

function jsonOf(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
