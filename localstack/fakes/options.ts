import { existsSync } from "node:fs";
import { InvalidArgumentError } from "commander";
import { below } from "../../client/cli/help-text.ts";
import { flagsOf, listOf, nameOf, type Parsed, parseFlags, wholeIn } from "../../client/flags.ts";

/** A repository of the fake GitHub: its name there, and where the bare repository is. */
export interface ServedRepository {
  readonly name: string;
  readonly path: string;
}

export interface FakesOptions {
  readonly github?: ServedRepository;
  readonly branch: string;
  readonly check: string;
  readonly command: string;
  readonly app: string;
  readonly webhook?: string;
  readonly githubPort: number;
  /** The projects of the fake CodeBuild. */
  readonly codebuild?: readonly string[];
  readonly codebuildPort: number;
}

function servedRepository(text: string): ServedRepository {
  const [, name = "", path = ""] = /^([\w.-]+\/[\w.-]+)=(.+)$/.exec(text) ?? [];
  if (name === "") throw new InvalidArgumentError("Write it as <owner>/<name>=<path of a bare repository>.");
  if (!existsSync(`${path}/HEAD`)) throw new InvalidArgumentError(`There is no bare repository at ${path}.`);
  return { name, path };
}

function loopbackUrl(text: string): string {
  if (!/^http:\/\/(127\.0\.0\.1|localhost):\d+\/$/.test(text))
    throw new InvalidArgumentError("It is the address that npm start prints as webhook: http://127.0.0.1:<port>/.");
  return text;
}

const command = () =>
  flagsOf(
    "node localstack/fakes/main.ts",
    "A GitHub, a CodeBuild, or both, on this machine, for trying out a queue without an account.",
  )
    .option("--github <owner/name=path>", "a GitHub that has this bare repository", servedRepository)
    .option("--branch <name>", "the branch that changes land on", nameOf("a branch"), "main")
    .option("--check <name>", "the check that the branch requires", nameOf("a check"), "check")
    .option("--command <command>", "what the check runs in the tree of each commit", nameOf("a command"), "true")
    .option("--app <file>", "where the key of the GitHub App is written to", nameOf("a file"), "fake-github-app.json")
    .option("--webhook <url>", "where deliveries go: the webhook that npm start prints", loopbackUrl)
    .option("--github-port <port>", "of the GitHub; 0 for any", wholeIn(0, 65_535), 4_700)
    .option("--codebuild <projects>", "a CodeBuild that has these projects, as a,b", listOf(nameOf("a project")))
    .option("--codebuild-port <port>", "of the CodeBuild; 0 for any", wholeIn(0, 65_535), 4_600)
    .addHelpText(
      "after",
      below(
        "Name one of --github and --codebuild, or both. Ctrl-C stops them. A build of the CodeBuild ends as the variable FAKE_OUTCOME says: passes, fails, hangs, breaks, times-out.",
      ),
    );

/** Reads the command line. Never throws. */
export function parseOptions(args: readonly string[]): Parsed<FakesOptions> {
  const parsed = parseFlags<FakesOptions>(command(), args);
  if (parsed.kind !== "run" || parsed.options.github || parsed.options.codebuild) return parsed;
  const problem = `name a fake to start: --github or --codebuild\n\n${command().helpInformation()}`;
  return { kind: "refused", problem };
}
