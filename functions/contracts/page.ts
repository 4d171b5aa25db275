import { z } from "zod";

/**
 * How the callers of the API say who they are, as the page has to know. open: they don't. iam: by signatures of AWS, which a browser cannot
 * make, so `submitqueue ui` makes them. jwt: by a token of an OpenID provider, where the page logs people in.
 */
export const PageAccess = z.discriminatedUnion("auth", [
  z.object({ auth: z.literal("open") }),
  z.object({ auth: z.literal("iam") }),
  z.object({
    auth: z.literal("jwt"),
    /** Serves `/.well-known/openid-configuration`. */
    issuer: z.url({ protocol: /^https?$/ }),
    /** The page's own client at the provider: a public one, with PKCE. */
    clientId: z.string().min(1),
    /** Asked for at the provider, separated by blanks. */
    scope: z.string().min(1),
  }),
]);
export type PageAccess = z.infer<typeof PageAccess>;

/** What the server writes into the page, as JSON. */
export type PageSettings = PageAccess & { readonly version: string };
