import { mkdirSync, readFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { parseArgs } from "node:util";
import { execa } from "execa";
import { z } from "zod";
import { createSandbox } from "../sandbox/sandbox.ts";

const USAGE = `Usage: npm run localstack:deploy -- [--endpoint URL] [--queues FILE] [--images]

Deploys all stacks to an endpoint that behaves like AWS: LocalStack, MiniStack.

  --endpoint URL  where it is (default: AWS_ENDPOINT_URL, or http://127.0.0.1:4566)
  --queues FILE   the queue configuration (default: localstack/deploy/queues.yaml, a queue onto the sandbox)
  --images        deploy functions that run git as container images; without, they use the git of the endpoint's machine
  --help          this text
`;

const REPOSITORY = resolve(import.meta.dirname, "..", "..");
const STATE = join(REPOSITORY, ".submitqueue");
const DEFAULT_QUEUES = join(import.meta.dirname, "queues.yaml");
const ENVIRONMENT = "aws://000000000000/us-east-1";

const Flags = z.object({
  endpoint: z.url({ protocol: /^https?$/, error: "--endpoint takes an http(s) URL" }),
  queues: z.string().default(DEFAULT_QUEUES),
  images: z.boolean().default(false),
  help: z.boolean().default(false),
});
type Flags = z.infer<typeof Flags>;

/** Throws what is wrong with the arguments, as a sentence. */
function readFlags(args: readonly string[], { AWS_ENDPOINT_URL = "http://127.0.0.1:4566" }: NodeJS.ProcessEnv): Flags {
  const text = { type: "string" } as const;
  const on = { type: "boolean" } as const;
  const options = { endpoint: { ...text, default: AWS_ENDPOINT_URL }, queues: text, images: on, help: on };
  const flags = Flags.safeParse(parseArgs({ args: [...args], options }).values);
  if (!flags.success) throw new Error(flags.error.issues.map(({ message }) => message).join("; "));
  return flags.data;
}

/** Bootstraps the endpoint, deploys, and answers where the HTTP API is. Throws when the CDK's command line fails. */
async function deploy({ endpoint, queues, images }: Flags): Promise<string> {
  const outdir = join(STATE, "localstack");
  mkdirSync(outdir, { recursive: true });
  const cdk = (...args: readonly string[]) =>
    execa(
      "cdk",
      [...args, "--app", `node ${join(import.meta.dirname, "app.ts")}`, "--output", join(outdir, "cdk.out")],
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
  let flags: Flags;
  try {
    flags = readFlags(args, process.env);
  } catch (error) {
    process.stderr.write(`${error instanceof Error ? error.message : String(error)}\n\n${USAGE}`);
    return 2;
  }
  if (flags.help) {
    process.stdout.write(USAGE);
    return 0;
  }
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
