import type { Links } from "../../../contracts/api/service-views.ts";
import type { Route } from "../../http.ts";
import type { Gateway } from "../gateway.ts";

/** Where the API leads on from its first address. No calls to AWS. */
const linksAt =
  (path: "/" | "/v1") =>
  ({ queues }: Gateway): Route => ({
    method: "GET",
    path,
    answer: async ({ prefix }) => {
      const body: Links = {
        links: {
          queues: `${prefix}/v1/queues`,
          ...Object.fromEntries([...queues.keys()].map((name) => [`queue:${name}`, `${prefix}/v1/queues/${name}`])),
          ping: `${prefix}/v1/ping`,
          document: `${prefix}/v1/openapi.json`,
          reference: `${prefix}/docs`,
        },
      };
      return { status: 200, body };
    },
  });

export const root = linksAt("/");
export const links = linksAt("/v1");
