import { fileURLToPath } from "node:url";
import type { Repository } from "../../contracts/queues.ts";

/** The one protocol that git may use for a remote. git refuses every other protocol, also in redirects and submodules. */
export const protocolOf = (remote: string): string => /^(https|ssh)(?=:)/.exec(remote)?.[0] ?? "file";

/** The git setting that sends the token, to the origin of the remote alone. Redirects are not followed, so no other host gets the token. */
export function authorization(
  remote: string,
  { tokenUser }: Pick<Repository, "tokenUser">,
  token: string | undefined,
): Record<string, string> {
  if (token === undefined || !remote.startsWith("https://")) return {};
  const basic = Buffer.from(`${tokenUser}:${token}`).toString("base64");
  return { [`http.${new URL(remote).origin}/.extraHeader`]: `Authorization: Basic ${basic}` };
}

/** The directory of a remote that is on this machine. Undefined when the remote is reached over a network. */
export const localPathOf = (remote: string): string | undefined =>
  remote.startsWith("file://") ? fileURLToPath(remote) : remote.startsWith("/") ? remote : undefined;
