import { mkdirSync, readFileSync } from "node:fs";
import { join, relative, resolve } from "node:path";
import { InvalidArgumentError, Option } from "commander";
import { execa } from "execa";
import * as z from "zod";
import { answer, flagsOf, parseFlags } from "../../client/flags.ts";
import { createSandbox } from "../sandbox/sandbox.ts";

const REPOSITORY = resolve(import.meta.dirname, "..", "..");
const STATE = join(REPOSITORY, ".submitqueue");
const DEFAULT_QUEUES = join(import.meta.dirname, "queues.yaml");
const ENVIRONMENT = "aws://000000000000/us-east-1";

interface DeployFlags {
  readonly endpoint: string;
  readonly queues: string;
  readonly images: boolean;
}

function httpUrl(text: string): string {
  if (!/^https?:$/.test(URL.parse(text)?.protocol ?? "")) throw new InvalidArgumentError("It is an http(s) URL.");
  return text;
}

const command = ({ AWS_ENDPOINT_URL = "http://127.0.0.1:4566" }: NodeJS.ProcessEnv) =>
  flagsOf(
    "npm run localstack:deploy --",
    "Deploys all stacks to an endpoint that behaves like AWS: LocalStack, MiniStack.",
  )
    .option("--endpoint <url>", "where it is; AWS_ENDPOINT_URL says so too", httpUrl, AWS_ENDPOINT_URL)
    .addOption(
      new Option("--queues <file>", "the queue configuration").default(
        DEFAULT_QUEUES,
        "localstack/deploy/queues.yaml, a queue onto the sandbox",
      ),
    )
    .option(
      "--images",
      "deploy functions that run git as container images; without, they use the git of the endpoint's machine",
      false,
    );

/** Bootstraps the endpoint, deploys, and answers where the HTTP API is. Throws when the CDK's command line fails. */
async function deploy({ endpoint, queues, images }: DeployFlags): Promise<string> {
  const outdir = join(STATE, "localstack");
  mkdirSync(outdir, { recursive: true });
  const cdk = (...args: readonly string[]) =>
    execa(
      "cdk",
      // A shell takes the command of the app, so its path has no directories above the repository, whose names may have blanks.
      [
        ...args,
        "--app",
        `node ${relative(REPOSITORY, join(import.meta.dirname, "app.ts"))}`,
        "--output",
        join(outdir, "cdk.out"),
      ],
      {
        preferLocal: true,
        cwd: REPOSITORY,
        stdio: "inherit",
        env: {
          AWS_ENDPOINT_URL: endpoint,
          // Buckets are in the path: not every system resolves <bucket>.localhost.
          AWS_ENDPOINT_URL_S3: endpoint,
          AWS_ACCESS_KEY_ID: "test",
          AWS_SECRET_ACCESS_KEY: "test",
          AWS_REGION: "us-east-1",
        },
      },
    );
  const context = ["-c", `queues=${resolve(queues)}`, "-c", `images=${images}`];
  const outputs = join(outdir, "outputs.json");
  await cdk("bootstrap", ENVIRONMENT, ...context);
  await cdk("deploy", "--all", "--require-approval", "never", "--outputs-file", outputs, ...context);
  return apiAt(endpoint, JSON.parse(readFileSync(outputs, "utf8")));
}

const Outputs = z.record(z.string(), z.looseObject({ ApiUrl: z.url().optional() }));

/** The API by its path on the endpoint: its host name, which the stack prints, is nowhere in DNS. */
function apiAt(endpoint: string, outputs: unknown): string {
  const url = Object.values(Outputs.parse(outputs)).find(({ ApiUrl }) => ApiUrl !== undefined)?.ApiUrl;
  if (url === undefined) throw new Error("the gateway's stack has no output ApiUrl");
  return `${endpoint.replace(/\/$/, "")}/_aws/execute-api/${new URL(url).hostname.split(".")[0]}/$default`;
}

async function main(args: readonly string[]): Promise<number> {
  const parsed = parseFlags<DeployFlags>(command(process.env), args);
  if (parsed.kind !== "run") return answer(parsed);
  const flags = parsed.options;
  const reached = await fetch(flags.endpoint).then(
    () => true,
    () => false,
  );
  if (!reached) {
    process.stderr.write(`nothing answers at ${flags.endpoint}: see doc/howto/localstack.md for how to start it\n`);
    return 2;
  }
  if (flags.queues === DEFAULT_QUEUES) await createSandbox(STATE);
  const api = await deploy(flags).catch((error: unknown) => {
    process.stderr.write(
      `the deployment failed: ${error instanceof Error ? error.message.split("\n", 1)[0] : error}\n`,
    );
  });
  if (api === undefined) return 1;
  process.stdout.write(`\nsubmitqueue is deployed. Try:\n  curl '${api}/v1/ping'\n  curl '${api}/v1/queues'\n`);
  return 0;
}

process.exitCode = await main(process.argv.slice(2));
