import type { APIGatewayProxyEventV2 } from "aws-lambda";
import * as z from "zod";
import { ANONYMOUS, type ApiAuth, type Caller, callerName, JWT_PREFIX } from "../contracts/caller.ts";
import { CodedError } from "../contracts/errors.ts";

/** Who makes a call, from what the authorizer of the API put into the event. Throws caller.unauthenticated. */
export type CallerOf = (event: APIGatewayProxyEventV2) => Caller;

export const anonymous: CallerOf = () => ANONYMOUS;

/** What the authorizers of an HTTP API put into requestContext.authorizer. `lambda` is the context that a Lambda authorizer gives. */
const Authorizer = z.object({
  iam: z.object({ userArn: z.string().min(1) }).optional(),
  jwt: z.object({ claims: z.record(z.string(), z.unknown()) }).optional(),
  lambda: z.object({ name: z.string().min(1), groups: z.string().default("") }).optional(),
});
type Authorizer = z.infer<typeof Authorizer>;

const Event = z.object({ requestContext: z.object({ authorizer: Authorizer.optional() }) });

const WHAT_TO_SEND: Readonly<Record<ApiAuth, string>> = {
  iam: "Sign the call with AWS credentials (SigV4, service execute-api), as curl --aws-sigv4 does.",
  jwt: "Send a token of the identity provider as authorization: Bearer ….",
  "iam+jwt": `Sign the call with AWS credentials (SigV4, service execute-api), or send a token as authorization: Bearer … to a path below ${JWT_PREFIX}.`,
  token: "Send the token that the server printed when it started, as authorization: Bearer ….",
  none: "",
};

/**
 * Finds the caller, in the way in which this deployment authenticates callers. A call that the API let through without naming its caller is
 * refused, because the deployment must then be wrong. Example: under `jwt`, an event without claims is 401.
 */
export const callersBy =
  (auth: ApiAuth): CallerOf =>
  (event) => {
    if (auth === "none") return ANONYMOUS;
    const { authorizer = {} } = Event.safeParse(event).data?.requestContext ?? {};
    const caller = callerIn(auth, authorizer);
    if (caller === undefined) throw unauthenticated(auth);
    return caller;
  };

/** `isWrong`: the call says who makes it, in a way that this deployment does not take. */
export function unauthenticated(auth: ApiAuth, isWrong = false): CodedError {
  const what = isWrong ? "The authorization of this call is not taken here" : "This call does not say who makes it";
  return new CodedError("caller.unauthenticated", `${what}. ${WHAT_TO_SEND[auth]}`, {
    detail: { challenge: auth === "iam" ? "AWS4-HMAC-SHA256" : "Bearer" },
  });
}

function callerIn(auth: ApiAuth, { iam, jwt, lambda }: Authorizer): Caller | undefined {
  if (iam !== undefined && (auth === "iam" || auth === "iam+jwt"))
    return { kind: "iam", name: callerName(iam.userArn) };
  if (jwt !== undefined && (auth === "jwt" || auth === "iam+jwt")) return callerOfToken(jwt.claims);
  if (lambda !== undefined && auth === "token")
    return { kind: "token", name: callerName(lambda.name), groups: listIn(lambda.groups) };
  return undefined;
}

/** Claims in which identity providers name groups: Okta and Google, Cognito, the app roles of Entra. */
const GROUP_CLAIMS = ["groups", "cognito:groups", "roles"] as const;

function callerOfToken(claims: Readonly<Record<string, unknown>>): Caller | undefined {
  const { sub } = claims;
  if (typeof sub !== "string" || sub === "") return undefined;
  const groups = [...new Set(GROUP_CLAIMS.flatMap((claim) => listIn(claims[claim])))];
  return { kind: "jwt", name: callerName(sub), ...(groups.length === 0 ? {} : { groups }) };
}

/**
 * The list in a claim. An HTTP API passes claims as text: `[admins developers]`, or `admins,developers`. A claim that is a list already is
 * answered as it is.
 */
function listIn(claim: unknown): string[] {
  if (Array.isArray(claim)) return claim.filter((one) => typeof one === "string");
  if (typeof claim !== "string") return [];
  return claim
    .replace(/^\[(.*)\]$/s, "$1")
    .split(/[\s,]+/)
    .filter((name) => name !== "");
}
