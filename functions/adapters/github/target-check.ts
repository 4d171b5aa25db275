import type { GitSha } from "../../contracts/ids.ts";
import { targetsInLines } from "../../domain/named-targets.ts";
import type { GitHubClient } from "./client.ts";
import { statusOf } from "./errors.ts";

/** A check, and the App that must report it: by its id or its slug, or any. */
export interface TargetCheck {
  readonly name: string;
  readonly app?: number | string | undefined;
}

/**
 * The build targets that a check run names for a commit: the lines of its output's text. Several runs of one name add up. Undefined when there
 * is none, or one that has not ended with success: what a script printed before it failed is not all. One call. Throws as GitHubClient does.
 */
export async function targetsOfCheck(
  client: GitHubClient,
  commit: GitSha,
  { name, app }: TargetCheck,
): Promise<readonly string[] | undefined> {
  const { owner, repo } = client;
  const wanted = { owner, repo, ref: commit, check_name: name, filter: "latest" as const, per_page: 100 };
  try {
    const { data } = await client.call("GET /repos/{owner}/{repo}/commits/{ref}/check-runs", wanted);
    const runs = data.check_runs.filter((run) => app === undefined || run.app?.id === app || run.app?.slug === app);
    if (runs.length === 0 || runs.some(({ conclusion }) => conclusion !== "success")) return undefined;
    return runs.flatMap(({ output }) => targetsInLines(output.text ?? ""));
  } catch (error) {
    if ([404, 422].includes(statusOf(error) ?? 0)) return undefined;
    throw error;
  }
}
