import * as z from "zod";
import { cut, printable } from "./text.ts";

/** How long a caller's name may be, in UTF-16 code units. */
const CALLER_NAME_LENGTH = 500;

/**
 * Who makes a call. `name` is the ARN of an IAM user or session (iam), the subject of a token (jwt), or the name of a token (token). An
 * anonymous caller comes by an API that does not ask callers who they are. `groups` are those that the token names.
 */
export const Caller = z.object({
  kind: z.enum(["iam", "jwt", "token", "anonymous"]),
  name: z.string().min(1).max(CALLER_NAME_LENGTH).overwrite(printable),
  groups: z.array(z.string()).optional(),
});
export type Caller = z.infer<typeof Caller>;

/** A caller's name as it may be stored and shown: printable, and cut to what a Caller holds. */
export const callerName = (text: string): string => cut(printable(text), CALLER_NAME_LENGTH);

/** The group whose members may operate a queue that names no operators of its own. */
export const OPERATORS = "operators";

/**
 * The caller of an API that asks for no identity: what is in front of the API decides who may call, so every caller may do
 * everything.
 */
export const ANONYMOUS: Caller = { kind: "anonymous", name: "anonymous", groups: [OPERATORS] };

/**
 * What a pattern of `access` is about: a group, a caller who signs with AWS credentials, a caller with a token, or, without such a beginning, any
 * caller of that name. Example: `iam:arn:aws:iam::1:user/ann` is about `iam`, and its text is `arn:aws:iam::1:user/ann`.
 */
export function patternParts(pattern: string): { readonly of?: "group" | "iam" | "jwt"; readonly text: string } {
  const [, of, text] = /^(group|iam|jwt):(.*)$/s.exec(pattern) ?? [];
  return of === undefined || text === undefined ? { text: pattern } : { of: of as "group" | "iam" | "jwt", text };
}

/** True when both are the same caller: groups come and go with a token. */
export const isSameCaller = (a: Pick<Caller, "kind" | "name">, b: Pick<Caller, "kind" | "name">): boolean =>
  a.kind === b.kind && a.name === b.name;

/**
 * How a deployment asks callers who they are. iam: signed calls (SigV4). jwt: tokens of an identity provider. iam+jwt: signed calls, and
 * tokens on the paths below /jwt. token: a token that the server made. none: callers are not asked.
 */
const API_AUTHS = ["iam", "jwt", "iam+jwt", "token", "none"] as const;
export const ApiAuth = z.enum(API_AUTHS);
export type ApiAuth = z.infer<typeof ApiAuth>;

/** Under `iam+jwt`: what the paths of calls with a token begin with, for a route of API Gateway has one authorizer. */
export const JWT_PREFIX = "/jwt";
