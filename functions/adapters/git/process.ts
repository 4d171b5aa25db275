import { once } from "node:events";
import { execa } from "execa";
import { CodedError } from "../../contracts/errors.ts";
import { oneLine } from "./host-words.ts";

/** What one git process answered. `stdout` is bytes: paths and messages need not be UTF-8. */
export interface GitAnswer {
  readonly exitCode: number;
  readonly stdout: Buffer;
  readonly stderr: string;
}

export interface CallOptions {
  readonly input?: string | Uint8Array | undefined;
  readonly env?: Readonly<Record<string, string>>;
  readonly timeoutMs?: number;
}

export interface RunsGit {
  git(args: readonly string[], options?: CallOptions): Promise<GitAnswer>;
}

export interface StartsGit {
  start(args: readonly string[]): GitDialogue;
}

export interface GitCall {
  readonly directory: string;
  readonly args: readonly string[];
  readonly env: Readonly<Record<string, string>>;
  readonly input?: string | Uint8Array | undefined;
  readonly timeoutMs: number;
}

/**
 * What a git process may know of its surroundings: how to find programs, ssh's agent, proxies and certificate authorities. Nothing else is
 * inherited.
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

/** Not every build of git reads the variables by which other programs are told of certificate authorities: so git gets them in its own words. */
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
  "credential.helper": "",
  // A redirect would take the token along to wherever the remote says.
  "http.followRedirects": "false",
  "commit.gpgSign": "false",
  "push.gpgSign": "false",
  "gc.autoDetach": "false",
  "maintenance.autoDetach": "false",
  "http.lowSpeedLimit": "1000",
  "http.lowSpeedTime": "30",
};

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

/** Runs git once. Any exit code is an answer; throws repository.unavailable on a time-out and config.invalid when there is no git. */
export async function runGit(call: GitCall): Promise<GitAnswer> {
  started += 1;
  const child = execa("git", call.args, {
    cwd: call.directory,
    env: { ...inherited(), ...SCRUBBED, ...call.env },
    extendEnv: false,
    ...(call.input === undefined ? { stdin: "ignore" as const } : { input: call.input }),
    encoding: "buffer",
    stripFinalNewline: false,
    reject: false,
    maxBuffer: 512 * 1024 * 1024,
    detached: true,
  });
  let timedOut = false;
  const timer = setTimeout(() => {
    timedOut = true;
    killGroup(child.pid);
  }, call.timeoutMs);
  const result = await child.finally(() => clearTimeout(timer));
  const verb = call.args.find((arg) => !arg.startsWith("-")) ?? "";
  if (timedOut)
    throw new CodedError("repository.unavailable", `git ${verb} took longer than ${call.timeoutMs} ms and was stopped`);
  if (result.exitCode === undefined) {
    if (result.code === "ENOENT")
      throw new CodedError("config.invalid", "git is not installed: install git 2.38 or later and put it on PATH");
    const how = result.signal === undefined ? "did not run" : `was ended by ${result.signal}`;
    throw new CodedError(
      "repository.failed",
      `git ${verb} ${how}: ${complaint(Buffer.from(result.stderr ?? []).toString("utf8"))}`,
    );
  }
  return {
    exitCode: result.exitCode,
    stdout: Buffer.from(result.stdout),
    stderr: Buffer.from(result.stderr).toString("utf8"),
  };
}

/** A git process that is spoken to. `output` ends with the process. */
export interface GitDialogue {
  readonly output: AsyncIterator<Buffer>;
  write(text: string): Promise<void>;
  /** Ends the process, also one that is not done. */
  end(): Promise<void>;
}

/** Starts git. It is stopped after its time; `output` then ends early. */
export function startGit(call: Omit<GitCall, "input">): GitDialogue {
  started += 1;
  const child = execa("git", call.args, {
    cwd: call.directory,
    env: { ...inherited(), ...SCRUBBED, ...call.env },
    extendEnv: false,
    stdin: "pipe",
    stderr: "ignore",
    encoding: "buffer",
    buffer: false,
    reject: false,
    timeout: call.timeoutMs,
    killSignal: "SIGKILL",
  });
  // A process that has ended breaks the pipe: whoever reads its output learns that.
  child.stdin.on("error", () => undefined);
  return {
    output: child.stdout[Symbol.asyncIterator]() as AsyncIterator<Buffer>,
    write: async (text) => {
      if (!child.stdin.write(text) && !child.stdin.destroyed)
        await Promise.race([once(child.stdin, "drain"), child]).catch(() => undefined);
    },
    end: async () => {
      child.stdin.end();
      child.kill("SIGKILL");
      await child;
    },
  };
}

/** git leaves transports to children, which hold its output open: so the whole group has to go, and not the first process alone. */
function killGroup(pid: number | undefined): void {
  try {
    if (pid !== undefined) process.kill(-pid, "SIGKILL");
  } catch {
    // It has ended meanwhile.
  }
}

/** Credentials in an address, such as a proxy's. */
const SECRETS = /(?<=:\/\/)[^/\s@]*@/g;

/** The end of what git complained about: one line without control characters and credentials, bounded. */
export function complaint(stderr: string): string {
  const lines = stderr
    .split("\n")
    .map((line) => line.trim())
    .filter((line) => line !== "" && !line.startsWith("hint:"));
  return oneLine(lines.slice(-4).join("\n").replace(SECRETS, "")).slice(-600);
}
