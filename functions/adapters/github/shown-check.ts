import type { GitSha } from "../../contracts/ids.ts";
import type { CheckReport } from "../../domain/github/report.ts";
import type { GitHubClient } from "./client.ts";

/** The check run that the queue shows on a commit. */
export const shownCheck = ({ call, owner, repo, appId }: GitHubClient) => {
  const at = { owner, repo };

  const checkWords = ({ status, conclusion, title, summary, actions }: CheckReport) => ({
    status,
    ...(conclusion === undefined ? {} : { conclusion }),
    output: { title, summary },
    actions: [...actions],
  });

  return {
    /** The one check run of a name on a commit, changed or made. Answers its id. One or two calls. */
    async keepCheck(
      name: string,
      head: GitSha,
      report: CheckReport,
      { externalId, url, known }: { externalId: string; url: string | undefined; known: number | undefined },
    ): Promise<number> {
      const words = {
        external_id: externalId,
        ...(url === undefined ? {} : { details_url: url }),
        ...checkWords(report),
      };
      const id = known ?? (await runOn(name, head));
      if (id === undefined)
        return Number(
          (await call("POST /repos/{owner}/{repo}/check-runs", { ...at, name, head_sha: head, ...words })).data.id,
        );
      await call("PATCH /repos/{owner}/{repo}/check-runs/{check_run_id}", { ...at, check_run_id: id, ...words });
      return id;
    },
  };

  async function runOn(name: string, head: GitSha): Promise<number | undefined> {
    const { data } = await call("GET /repos/{owner}/{repo}/commits/{ref}/check-runs", {
      ...at,
      ref: head,
      check_name: name,
      per_page: 100,
      ...(appId === undefined ? {} : { app_id: appId }),
    });
    const [run] = data.check_runs;
    return run === undefined ? undefined : Number(run.id);
  }
};
