import { CodedError } from "../../contracts/errors.ts";
import { type Dialogue, isShortage, processes } from "../processes.ts";
import { oneLine } from "./host-words.ts";

/** What one git process answered. `stdout` is bytes: paths and messages need not be UTF-8. */
export interface GitAnswer {
  readonly exitCode: number;
  readonly stdout: Buffer;
  readonly stderr: string;
}

/** What a git process gets: its standard input, further environment variables, and how long it may run. */
export interface CallOptions {
  readonly input?: string | Uint8Array | undefined;
  readonly env?: Readonly<Record<string, string>>;
  readonly timeoutMs?: number;
}

/** Runs git in one repository. */
export interface RunsGit {
  git(args: readonly string[], options?: CallOptions): Promise<GitAnswer>;
}

/** One git process: where it runs, with which arguments, and what it gets. */
export interface GitCall {
  readonly directory: string;
  readonly args: readonly string[];
  readonly env: Readonly<Record<string, string>>;
  readonly input?: string | Uint8Array | undefined;
  readonly timeoutMs: number;
}

/**
 * The only environment variables that a git process inherits: they say where programs, ssh's agent, proxies and certificate authorities are.
 */
const INHERITED = [
  "PATH",
  "TMPDIR",
  "SSH_AUTH_SOCK",
  "HTTPS_PROXY",
  "https_proxy",
  "HTTP_PROXY",
  "http_proxy",
  "NO_PROXY",
  "no_proxy",
  "SSL_CERT_FILE",
  "SSL_CERT_DIR",
  "GIT_SSL_CAINFO",
  "GIT_SSL_CAPATH",
  "GIT_PROXY_SSL_CAINFO",
];

/**
 * The variables of other programs that name certificate authorities, and git's setting for each. Not every build of git reads those
 * variables.
 */
const IN_GITS_WORDS = [
  ["SSL_CERT_FILE", "GIT_SSL_CAINFO"],
  ["SSL_CERT_DIR", "GIT_SSL_CAPATH"],
] as const;

function inherited(): Record<string, string> {
  const env: Record<string, string> = {};
  for (const name of INHERITED) {
    const value = process.env[name];
    if (value !== undefined && value !== "") env[name] = value;
  }
  for (const [theirs, gits] of IN_GITS_WORDS) {
    const value = env[theirs];
    if (value !== undefined) env[gits] ??= value;
  }
  return env;
}

const SCRUBBED: Readonly<Record<string, string>> = {
  HOME: "/nonexistent",
  LC_ALL: "C",
  GIT_CONFIG_NOSYSTEM: "1",
  GIT_CONFIG_GLOBAL: "/dev/null",
  GIT_ATTR_NOSYSTEM: "1",
  GIT_NO_REPLACE_OBJECTS: "1",
  GIT_TERMINAL_PROMPT: "0",
  GIT_ASKPASS: "",
  SSH_ASKPASS: "",
  GIT_SSH_COMMAND: "ssh -o BatchMode=yes -o ConnectTimeout=15",
};

const SETTINGS: Readonly<Record<string, string>> = {
  "core.hooksPath": "/dev/null",
  "core.fsmonitor": "false",
  "core.autocrlf": "false",
  // A name means the first ref that git finds for it. Without this, git looks at five further places for each name, only to warn of a second one.
  "core.warnAmbiguousRefs": "false",
  "credential.helper": "",
  // Following a redirect would send the token to any host that the remote names.
  "http.followRedirects": "false",
  "commit.gpgSign": "false",
  "push.gpgSign": "false",
  // A fetch starts no maintenance, which takes two processes each time to find that there is nothing to do: `collectGarbage` does the work.
  "maintenance.auto": "false",
  "gc.autoDetach": "false",
  "http.lowSpeedLimit": "1000",
  "http.lowSpeedTime": "30",
};

/**
 * A setting for a fetch or a push of few objects into a repository that holds most of the history. After such a transfer git reads all trees
 * of the commits below the new ones, to see that no object is missing. By default git keeps up to 96 MB of the delta bases that it unpacks
 * for that, and uses none of them again. With 20,000 files, getting that memory takes longer than reading the trees (50 ms of processor
 * time, 22 ms with this setting). Not for a first fetch: there git reads the whole history, and uses the same bases again and again (twice as
 * long with this setting).
 */
export const FEW_BASES = { "core.deltaBaseCacheLimit": "512k" } as const;

/** Configuration that goes into a process by its environment: never by argv, which every user of the machine can read. */
export function settingsEnvironment(extra: Readonly<Record<string, string>> = {}): Record<string, string> {
  const entries = Object.entries({ ...SETTINGS, ...extra });
  const env: Record<string, string> = { GIT_CONFIG_COUNT: String(entries.length) };
  entries.forEach(([key, value], index) => {
    env[`GIT_CONFIG_KEY_${index}`] = key;
    env[`GIT_CONFIG_VALUE_${index}`] = value;
  });
  return env;
}

let started = 0;
/** How many git processes this process has started: the unit in which costs are stated. */
export const gitProcessesStarted = (): number => started;

const programCall = ({ directory, args, env }: Pick<GitCall, "directory" | "args" | "env">) => ({
  file: "git",
  args,
  directory,
  env: { ...inherited(), ...SCRUBBED, ...env },
});

/** Runs git once. Any exit code is an answer; throws repository.unavailable on a time-out, and what `notStarted` says. */
export async function runGit(call: GitCall): Promise<GitAnswer> {
  started += 1;
  const end = await processes().run({ ...programCall(call), input: call.input, timeoutMs: call.timeoutMs });
  const verb = call.args.find((arg) => !arg.startsWith("-")) ?? "";
  switch (end.kind) {
    case "exited":
      return { exitCode: end.exitCode, stdout: end.stdout, stderr: end.stderr.toString("utf8") };
    case "timed-out":
      throw new CodedError(
        "repository.unavailable",
        `git ${verb} took longer than ${call.timeoutMs} ms and was stopped`,
      );
    case "lost":
      throw new CodedError("repository.unavailable", `git ${verb} was lost: the process that started it has ended`);
    case "not-started":
      throw notStarted(verb, end.code);
    case "signalled":
      throw new CodedError(
        "repository.failed",
        `git ${verb} was ended by ${end.signal}: ${complaint(end.stderr.toString("utf8"))}`,
      );
  }
}

/**
 * What keeps git from being started: config.invalid without git, repository.unavailable while the system is short of processes, files or
 * memory, else repository.failed. `code`: the operating system's, as `EMFILE`.
 */
export function notStarted(verb: string, code: string): CodedError {
  if (code === "ENOENT")
    return new CodedError("config.invalid", "git is not installed: install git 2.38 or later and put it on PATH");
  return new CodedError(
    isShortage(code) ? "repository.unavailable" : "repository.failed",
    `git ${verb} did not run: ${code}`,
  );
}

/** Starts a git process that answers several inputs, until its input is closed. */
export function startGit(call: Pick<GitCall, "directory" | "args" | "env">): Dialogue {
  started += 1;
  return processes().start(programCall(call));
}

/** Credentials in an address, such as a proxy's, also with an `@` in the password. */
const SECRETS = /(?<=:\/\/)[^/\s]*@/g;

/** The end of what git complained about: one line without control characters and credentials, bounded. */
export function complaint(stderr: string): string {
  const lines = stderr
    .split("\n")
    .map((line) => line.trim())
    .filter((line) => line !== "" && !line.startsWith("hint:"));
  return oneLine(lines.slice(-4).join("\n").replace(SECRETS, "")).slice(-600);
}
