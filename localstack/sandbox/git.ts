import { processes } from "../../functions/adapters/processes.ts";

export interface GitOptions {
  /** Author and committer of what is committed: `Name <address>`. */
  readonly by?: string;
  /** When it is committed: seconds since 1970. */
  readonly at?: number;
  /** What it reads. */
  readonly input?: string;
}

const SCRUBBED = {
  GIT_CONFIG_GLOBAL: "/dev/null",
  GIT_CONFIG_NOSYSTEM: "1",
  // Of repositories that are made: localstack/fakes/github/ref-files.ts reads the files.
  GIT_DEFAULT_REF_FORMAT: "files",
  GIT_TERMINAL_PROMPT: "0",
  HOME: "/nonexistent",
  LC_ALL: "C",
};

/** Runs git in a directory, without the configuration of the user who runs it, and returns what it printed. Throws when it fails. */
export async function git(directory: string, args: readonly string[], options: GitOptions = {}): Promise<string> {
  const [, name = "", address = ""] = /^(.*) <(.*)>$/.exec(options.by ?? "Demo <demo@example.invalid>") ?? [];
  const { PATH = "" } = process.env;
  const date =
    options.at === undefined
      ? {}
      : { GIT_AUTHOR_DATE: `${options.at} +0000`, GIT_COMMITTER_DATE: `${options.at} +0000` };
  const end = await processes().run({
    file: "git",
    args: ["-c", "core.hooksPath=/dev/null", "-c", "gc.auto=0", ...args],
    directory,
    input: options.input,
    timeoutMs: 120_000,
    env: {
      PATH,
      ...SCRUBBED,
      GIT_AUTHOR_NAME: name,
      GIT_AUTHOR_EMAIL: address,
      GIT_COMMITTER_NAME: name,
      GIT_COMMITTER_EMAIL: address,
      ...date,
    },
  });
  if (end.kind === "exited" && end.exitCode === 0) return end.stdout.toString("utf8").replace(/\n$/, "");
  const said = "stderr" in end ? end.stderr.toString("utf8").trim() : "";
  throw new Error(`git ${args.join(" ")} failed (${end.kind}): ${said}`);
}
