import * as z from "zod";
import { type ChangeUri, changeOf } from "../../contracts/change-uri.ts";
import { STORED_BYTES } from "../../contracts/limits.ts";
import { squashMessageOf } from "../../domain/github/squash-message.ts";
import type { GitHubClient } from "./client.ts";

const Body = z.looseObject({ number: z.int(), title: z.string(), body: z.string().nullish() });

/**
 * What the squash of each change says, by its pull request, in the order of the changes. Empty for a change that is no pull request. Together
 * the messages fit into the request that is stored. One call per pull request. Throws as GitHubClient does.
 */
export async function squashMessages(
  { call, owner, repo }: GitHubClient,
  changes: readonly ChangeUri[],
): Promise<readonly string[]> {
  const most = Math.floor(STORED_BYTES.messages / changes.length);
  return Promise.all(
    changes.map(async (uri) => {
      const change = changeOf(uri);
      if (change.scheme !== "github") return "";
      const { data } = await call("GET /repos/{owner}/{repo}/pulls/{pull_number}", {
        owner,
        repo,
        pull_number: change.pull,
      });
      const { number, title, body } = Body.parse(data);
      return squashMessageOf({ number, title, body: body ?? "" }, most);
    }),
  );
}
