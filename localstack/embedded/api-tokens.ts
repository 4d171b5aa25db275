import { createHash, randomBytes, timingSafeEqual } from "node:crypto";
import type { IncomingHttpHeaders } from "node:http";
import { OPERATORS } from "../../functions/contracts/caller.ts";

/** A token of the HTTP API, and the caller that it stands for. */
export interface ApiToken {
  readonly token: string;
  readonly name: string;
  readonly groups: readonly string[];
}

/**
 * Decides by the headers of a call who makes it, as an authorizer of API Gateway does: what it returns stands in the event as
 * requestContext.authorizer. Undefined: the call is refused.
 */
export type HttpAuthorizer = (headers: IncomingHttpHeaders) => object | undefined;

/** A token that cannot be guessed, for a caller who may operate every queue that names no operators of its own. */
export const freshToken = (name: string): ApiToken => ({
  token: randomBytes(24).toString("base64url"),
  name,
  groups: [OPERATORS],
});

/** Takes `authorization: Bearer` and one of the tokens. The caller's name and groups come as the context of a Lambda authorizer. */
export const tokenAuthorizer =
  (tokens: readonly ApiToken[]): HttpAuthorizer =>
  ({ authorization = "" }) => {
    const [, sent] = /^bearer +(\S+)$/i.exec(authorization.trim()) ?? [];
    const found = sent === undefined ? undefined : tokens.find(({ token }) => isSame(token, sent));
    return found && { lambda: { name: found.name, groups: found.groups.join(",") } };
  };

/** Takes the same time wherever two texts differ. */
const isSame = (a: string, b: string): boolean => timingSafeEqual(sha256(a), sha256(b));

const sha256 = (text: string): Buffer => createHash("sha256").update(text).digest();
