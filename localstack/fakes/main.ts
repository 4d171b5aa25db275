import { rmSync, writeFileSync } from "node:fs";
import { resolve } from "node:path";
import { answer } from "../../client/flags.ts";
import { quoted } from "../quoted.ts";
import { FakeCodeBuild } from "./codebuild.ts";
import { startCheckedGitHub } from "./github/checked.ts";
import { type FakesOptions, parseOptions, type ServedRepository } from "./options.ts";

type Stop = () => Promise<void>;

const print = (text: string) => process.stdout.write(`${text}\n`);

async function serveGitHub(options: FakesOptions, { name, path }: ServedRepository): Promise<Stop> {
  const { branch, check, command, githubPort: port, webhook } = options;
  const { github, app, stop } = await startCheckedGitHub({ repository: name, path, branch, check, command, port });
  const file = resolve(options.app);
  // Not over what is there: a file keeps its permissions when it is written again.
  rmSync(file, { force: true });
  writeFileSync(file, app, { mode: 0o600, flag: "wx" });
  if (webhook !== undefined) github.webhooks.config.url = webhook;
  print(`a fake GitHub with ${name} is at ${github.url}. Its check ${check} runs for each push to submitqueue/**.

  # in queues.yaml
  repository: { remote: ${resolve(path)}, branch: ${branch} }
  buildRunner: { type: github-checks, repository: ${name}, api: ${github.url}, credentialsSecret: fakes/github }

  SUBMITQUEUE_SECRET_FAKES_GITHUB_FILE=${quoted(file)} npm start -- --queues queues.yaml
`);
  return async () => {
    rmSync(file, { force: true });
    await stop();
  };
}

async function serveCodeBuild({ codebuildPort: port }: FakesOptions, projects: readonly string[]): Promise<Stop> {
  const fake = await FakeCodeBuild.start({ port, projects });
  print(`a fake CodeBuild with the projects ${projects.join(", ")} is at ${fake.endpoint}. It builds nothing.

  # in queues.yaml
  buildRunner: { type: codebuild, project: ${projects[0]} }

  AWS_ENDPOINT_URL_CODEBUILD=${fake.endpoint} AWS_ENDPOINT_URL_CLOUDWATCH_LOGS=${fake.endpoint} \\
    AWS_REGION=us-east-1 AWS_ACCESS_KEY_ID=x AWS_SECRET_ACCESS_KEY=x npm start -- --queues queues.yaml
`);
  return () => fake.stop();
}

/** Answers the exit code, or nothing as long as the fakes run. */
async function main(args: readonly string[]): Promise<number | undefined> {
  const parsed = parseOptions(args);
  if (parsed.kind !== "run") return answer(parsed);
  const { options } = parsed;
  const stops: Stop[] = [];
  const stop = async () => {
    for (const end of stops.splice(0)) await end();
  };
  try {
    if (options.github) stops.push(await serveGitHub(options, options.github));
    if (options.codebuild) stops.push(await serveCodeBuild(options, options.codebuild));
  } catch (error) {
    await stop();
    process.stderr.write(`${error instanceof Error ? error.message : String(error)}\n`);
    return 2;
  }
  print("Ctrl-C stops it.");
  for (const signal of ["SIGINT", "SIGTERM"] as const)
    process.once(signal, () => void stop().then(() => process.exit(0)));
  return undefined;
}

process.exitCode = await main(process.argv.slice(2));
