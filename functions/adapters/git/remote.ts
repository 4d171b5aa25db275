import { fileURLToPath } from "node:url";
import type { Repository } from "../../contracts/queues.ts";

/** The one transport that a remote may use; git refuses all others, redirects and submodules included. */
export const protocolOf = (remote: string): string => /^(https|ssh)(?=:)/.exec(remote)?.[0] ?? "file";

/** The setting that sends the token, bound to the remote's own origin. Redirects are not followed, so the token goes nowhere else. */
export function authorization(
  remote: string,
  { tokenUser }: Pick<Repository, "tokenUser">,
  token: string | undefined,
): Record<string, string> {
  if (token === undefined || !remote.startsWith("https://")) return {};
  const basic = Buffer.from(`${tokenUser}:${token}`).toString("base64");
  return { [`http.${new URL(remote).origin}/.extraHeader`]: `Authorization: Basic ${basic}` };
}

/** The directory of a remote on this machine; undefined when it is reached over a network. */
export const localPathOf = (remote: string): string | undefined =>
  remote.startsWith("file://") ? fileURLToPath(remote) : remote.startsWith("/") ? remote : undefined;
