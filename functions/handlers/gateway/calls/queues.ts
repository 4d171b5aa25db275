import type { QueueList } from "../../../contracts/api.ts";
import type { Route } from "../../http.ts";
import type { Gateway } from "../gateway.ts";

/** The configured queues, in the order of the configuration. No calls to AWS. */
export const queues = (gateway: Gateway): Route => ({
  method: "GET",
  path: "/v1/queues",
  answer: async () => {
    const body: QueueList = {
      queues: [...gateway.queues.values()].map(({ name, repository, strategy }) => ({
        name,
        repository: repository.remote,
        branch: repository.branch,
        strategy,
      })),
    };
    return { status: 200, body };
  },
});
