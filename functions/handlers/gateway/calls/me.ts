import type { Me, Rights } from "../../../contracts/api/service-views.ts";
import type { Caller } from "../../../contracts/caller.ts";
import type { QueueConfig } from "../../../contracts/queues.ts";
import { mayDo } from "../../../domain/access.ts";
import type { Route } from "../../http.ts";
import type { Gateway } from "../gateway.ts";

/** Who makes the call, and what the caller may do in each queue. No calls to AWS. */
export const me = ({ queues }: Gateway): Route => ({
  method: "GET",
  path: "/v1/me",
  answer: async ({ caller }) => {
    const { kind, name, groups = [] } = caller;
    const rights = [...queues.values()].map((queue) => ({ name: queue.name, rights: rightsOf(queue, caller) }));
    const body: Me = { kind, name, groups, queues: rights };
    return { status: 200, body };
  },
});

function rightsOf({ access }: QueueConfig, caller: Caller): Rights {
  const may = (right: keyof Rights) => mayDo(access, caller, right);
  return {
    land: may("land"),
    cancelOthers: may("cancelOthers"),
    priority: may("priority"),
    operate: may("operate"),
  };
}
