import * as z from "zod";
import { gitHubOf } from "./code-host.ts";
import { GitHubApi, GitHubRepository, SecretName } from "./config-fields.ts";

const DAY_SECONDS = 86_400;

/** What a request waits for before the request enters the queue. */
export const Awaited = z.enum(["review", "checks"]);
export type Awaited = z.infer<typeof Awaited>;

const GitHubProviderConfig = z.strictObject({
  type: z.literal("github"),
  /** `owner/name` on GitHub. Absent: read from the App's `repositories`, or from the queue's remote. */
  repository: GitHubRepository.exactOptional(),
  /** The address of GitHub's REST API. Absent: that of the App, or of the remote's host. */
  api: GitHubApi.exactOptional(),
  /** The secret with a GitHub App or a token that may read pull requests. Absent: the App's, or the repository's tokenSecret. */
  credentialsSecret: SecretName.exactOptional(),
  /**
   * What a request waits for. review: the review that GitHub requires. checks: the pull request's own checks, those that GitHub requires on
   * the branch, or all that were reported where GitHub requires none.
   */
  waitFor: z.array(Awaited).max(2).default(["review"]),
  /** How long a request waits before the request ends. */
  waitSeconds: z
    .int()
    .min(60)
    .max(14 * DAY_SECONDS)
    .default(7 * DAY_SECONDS),
});
export type GitHubProviderConfig = z.infer<typeof GitHubProviderConfig>;

export const ChangeProviderConfig = z.discriminatedUnion("type", [
  /** Reads what a change touches from the repository itself. */
  z.strictObject({ type: z.literal("git") }),
  /** As git, and asks GitHub whether a pull request may land: its review, draft, base. */
  GitHubProviderConfig,
  /** Reads it from the change URI's query (`?sq-files=a,b`). For tests. */
  z.strictObject({ type: z.literal("fake") }),
]);
export type ChangeProviderConfig = z.infer<typeof ChangeProviderConfig>;

/** The part of the GitHub App's configuration that says where a queue's pull requests are. */
interface AppPart {
  readonly secret: string;
  readonly api: string;
  readonly repositories: Readonly<Record<string, readonly string[]>>;
}

interface QueuePart {
  readonly name: string;
  readonly repository: { readonly remote: string; readonly tokenSecret?: string | undefined };
  readonly changeProvider?: ChangeProviderConfig;
}

/** Where a queue's pull requests are, and who reads them. A field is absent where the configuration does not say. */
type Place = Pick<GitHubProviderConfig, "repository" | "api" | "credentialsSecret">;

/**
 * The change provider of a queue, with all that the rest of the configuration says of it. A queue that names none gets `github` when its
 * repository is one of the GitHub App's, and `git` otherwise. Example: with `github: {}` in queues.yaml, a queue of
 * https://github.com/acme/shop.git waits for reviews, and asks for them with the App's credentials.
 */
export function providerFor(app: AppPart | undefined, queue: QueuePart): ChangeProviderConfig {
  const { changeProvider: written } = queue;
  if (written !== undefined && written.type !== "github") return written;
  const ofApp = app && placeInApp(app, queue);
  if (written === undefined)
    return ofApp === undefined ? { type: "git" } : GitHubProviderConfig.parse({ type: "github", ...ofApp });
  return { ...(ofApp ?? placeOfRemote(queue)), ...written };
}

function placeInApp({ secret, api, repositories }: AppPart, { name, repository }: QueuePart): Place | undefined {
  const at = { api: api.replace(/\/$/, ""), credentialsSecret: secret };
  const named = Object.entries(repositories).find(([, queues]) => queues.includes(name))?.[0];
  if (named !== undefined) return { ...at, repository: named };
  const host = gitHubOf(repository.remote);
  return host?.api === at.api ? { ...at, repository: `${host.owner}/${host.repo}` } : undefined;
}

function placeOfRemote({ repository: { remote, tokenSecret } }: QueuePart): Place {
  const host = gitHubOf(remote);
  return {
    ...(host === undefined ? {} : { api: host.api, repository: `${host.owner}/${host.repo}` }),
    ...(tokenSecret === undefined ? {} : { credentialsSecret: tokenSecret }),
  };
}
