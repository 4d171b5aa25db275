import { z } from "zod";
import { CodedError } from "../../contracts/errors.ts";

/** What a GitHub App is known by. As a secret it is this, in JSON. */
export const GitHubAppCredentials = z.object({
  appId: z.union([z.int().positive(), z.string().regex(/^[A-Za-z0-9.]+$/)]),
  /** PEM. Line breaks may be written `\n`. */
  privateKey: z.string().transform((key) => key.replaceAll("\\n", "\n")),
  /** Absent: the App's installation on the queue's repository is looked up. */
  installationId: z.int().positive().optional(),
  /** What GitHub signs the App's webhooks with. */
  webhookSecret: z.string().min(1).optional(),
});
export type GitHubAppCredentials = z.infer<typeof GitHubAppCredentials>;

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
