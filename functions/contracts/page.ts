import * as z from "zod";

/**
 * How the callers of the API say who they are, as the page has to know. open: they don't have to. signed: in a way that a browser has not, so
 * `submitqueue ui` does it for the page. token: by the token that the embedded runtime prints. jwt: by a token of an OpenID provider, where the
 * page logs people in.
 */
export const PageAccess = z.discriminatedUnion("auth", [
  z.object({ auth: z.literal("open") }),
  z.object({ auth: z.literal("signed") }),
  z.object({ auth: z.literal("token") }),
  z.object({
    auth: z.literal("jwt"),
    /** Serves `/.well-known/openid-configuration`. */
    issuer: z.url({ protocol: /^https?$/ }),
    /** The page's own client at the provider: a public one, with PKCE. */
    clientId: z.string().min(1),
    /** Asked for at the provider, separated by blanks. */
    scope: z.string().min(1),
    /** What the paths of calls with a token begin with, as `/jwt`. */
    prefix: z.string(),
  }),
]);
export type PageAccess = z.infer<typeof PageAccess>;

/** What the server writes into the page, as JSON. */
export type PageSettings = PageAccess & { readonly version: string };

/** Routes of API Gateway that serve the page. */
export const PAGE_ROUTES = ["/", "/q/{proxy+}", "/assets/{proxy+}"] as const;

/** True for a path of the page: its document, or a file that the document names. */
export const isPagePath = (path: string): boolean => path === "/" || /^\/(q|assets)(\/|$)/.test(path);

/** The header by which `submitqueue ui` says that it makes the page's calls in its caller's name, so that the page asks for no login. */
export const PROXY_HEADER = "submitqueue-ui";
