import * as z from "zod";

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

export type AppPermissions = Readonly<Record<string, "read" | "write">>;

/** The least that the App needs, and what for. */
export const APP_PERMISSIONS = {
  metadata: "read",
  contents: "write",
  pull_requests: "write",
  issues: "write",
  checks: "write",
  statuses: "read",
} as const satisfies AppPermissions;

/** What only some queues need: `actions` to stop the runs of a build that is not needed any more, `workflows` to land changes of workflows. */
export const MORE_PERMISSIONS = { actions: "write", workflows: "write" } as const satisfies AppPermissions;

/** The webhooks that the App is subscribed to. */
export const APP_EVENTS = [
  "check_run",
  "check_suite",
  "issue_comment",
  "pull_request",
  "pull_request_review",
  "status",
] as const;

/** Permissions that are missing, as `contents: write`. Write includes read. */
export const missingPermissions = (
  granted: Readonly<Record<string, string | undefined>>,
  needed: AppPermissions,
): readonly string[] =>
  Object.entries(needed).flatMap(([name, level]) => {
    const given = granted[name];
    const isEnough = given === level || given === "admin" || (level === "read" && given === "write");
    return isEnough ? [] : [`${name}: ${level}`];
  });
