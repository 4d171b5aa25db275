import { existsSync } from "node:fs";
import { CodedError } from "../../contracts/errors.ts";
import { complaint } from "./process.ts";
import { localPathOf } from "./remote.ts";

// What git prints when a remote did not answer, or refused. git prints English, because process.ts sets its locale.

/** What git prints about a ref whose history the remote holds a part of only. */
export const IS_SHALLOW = /shallow (roots are|update) not allowed/i;

/** What git prints when no repeat can help, and what the operator has to do: change the remote, the configuration or the credentials. */
const FINAL: readonly (readonly [signs: RegExp, advice: string])[] = [
  [
    IS_SHALLOW,
    "The remote is a shallow clone, which lacks a part of the history: land in a repository that has all of it (git fetch --unshallow)",
  ],
  [
    /mismatched algorithms|does not support this repository's hash|unsupported (object format|hash)|unknown (object format|repository extension)/i,
    "The remote stores objects by SHA-256, which this version does not support: land in a SHA-1 repository",
  ],
  [
    /authentication failed|could not read (username|password)|terminal prompts disabled|invalid (username|credentials)|http basic: access denied|permission denied|access denied|permission to .* denied|write access to .* not granted|requested url returned error: 40[137]|not authorized|proxy authentication required|CONNECT tunnel failed, response 407/i,
    "The remote refuses the queue's credentials: check the queue's tokenSecret, deploy key or proxy, and that they may read and write",
  ],
  [
    /host key verification failed|remote host identification has changed|no matching host key type/i,
    "The remote's ssh host key is not the known one: check known_hosts",
  ],
  [
    /ssl certificate problem|certificate verif\w* failed|unable to get local issuer|self.signed certificate|no alternative certificate subject|error setting certificate/i,
    "The remote's TLS certificate is not trusted: name its certificate authority in SSL_CERT_FILE",
  ],
  [
    /requested url returned error: 3\d\d|unable to update url base from redirection/i,
    "The remote redirects elsewhere, and redirects are not followed: write the new address into queues.yaml",
  ],
  [
    /does not appear to be a git repository|not a git repository|invalid gitfile format|repository not found|repository '.*' not found|repository .* does not exist|not valid: is this a git repository|requested url returned error: (404|410)|project you were looking for could not be found/i,
    "There is no such repository, or the credentials may not see it: check the queue's remote",
  ],
  [
    /transport '.*' not allowed|unable to find remote helper|protocol .* (not supported|disabled)|dubious ownership|unsupported protocol/i,
    "git may not use this remote here: check the queue's remote",
  ],
];

/**
 * The error for an operation that the remote did not carry out: repository.refused when no repeat helps, repository.unavailable when one may.
 * The message holds the remote's words. A path on this machine that does not exist counts as unavailable: its disk may not be mounted yet.
 */
export function troubleWith(remote: string, what: string, stderr: string): CodedError {
  const path = localPathOf(remote);
  const mayAppear = path !== undefined && !existsSync(path);
  const advice = mayAppear ? undefined : FINAL.find(([signs]) => signs.test(stderr))?.[1];
  const said = `${remote} could not be ${what}: ${complaint(stderr)}`;
  return advice === undefined
    ? new CodedError("repository.unavailable", said)
    : new CodedError("repository.refused", `${advice} (${said})`);
}
