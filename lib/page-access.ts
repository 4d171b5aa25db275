import { JWT_PREFIX } from "../functions/contracts/caller.ts";
import type { PageAccess } from "../functions/contracts/page.ts";
import type { Settings } from "./settings.ts";

/** How people who open the page log in. With tokens of a provider at which the page is no client, the page can't log a user in. */
export function pageAccessOf({ apiAuth, jwt }: Pick<Settings, "apiAuth" | "jwt">): PageAccess {
  if (apiAuth === "none") return { auth: "open" };
  if (apiAuth === "token") return { auth: "token" };
  if (apiAuth === "iam" || jwt?.clientId === undefined) return { auth: "signed" };
  const { issuer, clientId, scope } = jwt;
  return {
    auth: "jwt",
    issuer,
    clientId,
    scope: ["openid", ...(scope === undefined ? [] : [scope])].join(" "),
    prefix: apiAuth === "iam+jwt" ? JWT_PREFIX : "",
  };
}
