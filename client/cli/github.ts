import { Command, Option } from "commander";
import { MORE_PERMISSIONS } from "../../functions/contracts/github-app.ts";
import { wholeIn } from "../flags.ts";
import { type AppSecret, awsSecret, laptopSecret } from "../github/app-secret.ts";
import { type CreatedApp, createApp } from "../github/create-app.ts";
import { gitHubAt } from "../github/host.ts";
import { exitCodeOf, findingsText } from "./finding.ts";
import type { Run } from "./requests.ts";
import type { Session } from "./session.ts";
import { portRefused, UsageError } from "./usage-error.ts";
import type { Environment } from "./user-directories.ts";

interface Flags {
  readonly github: string;
  readonly secret: string;
  readonly store?: "aws" | "laptop";
}

interface CreateFlags extends Flags {
  readonly webhook: string;
  readonly name: string;
  readonly organization?: string;
  readonly port: number;
  readonly replace: boolean;
  readonly actions: boolean;
  readonly workflows: boolean;
}

interface DoctorFlags extends Flags {
  readonly repository?: string;
  readonly branch: string;
  readonly check: string;
}

const addressOf = (text: string): string => {
  if (/^https:\/\/[^/]+\/?$/.test(text) || /^http:\/\/(127\.0\.0\.1|localhost)(:\d+)?\/?$/.test(text)) return text;
  throw new UsageError(`${text} is not the address of a GitHub: write https://HOST.`);
};

/** `github create-app|doctor`: sets the GitHub App up, and looks whether it can do its work. */
export function githubCommand(run: Run, environment: Environment): Command {
  const group = new Command("github").description("the GitHub App: create it, and check that it can do its work");
  const verb = (name: string, about: string) =>
    new Command(name)
      .description(about)
      .option("--github <url>", "its pages: https://HOST for GitHub Enterprise Server", addressOf, "https://github.com")
      .option("--secret <name>", "of the App, as queues.yaml names it", "submitqueue/github")
      .addOption(
        new Option(
          "--store <where>",
          "where the secret is: in AWS Secrets Manager, or in a file for the embedded runtime (default: aws, unless --url is this machine)",
        ).choices(["aws", "laptop"]),
      );
  group.addCommand(
    verb(
      "create-app",
      "create the App in your browser, and keep its private key and webhook secret where the queue finds them",
    )
      .requiredOption(
        "--webhook <url>",
        "where GitHub sends webhooks: the output WebhookUrl of the stack submitqueue-github",
      )
      .option("--name <name>", "of the App, up to 34 characters; it has to be free on all of GitHub", "submitqueue")
      .option("--organization <login>", "that owns the App; else you do")
      .option("--port <port>", "of the page on 127.0.0.1; 0 for any", wholeIn(0, 65_535), 0)
      .option("--replace", "overwrite the secret of another App", false)
      .option("--actions", "may also stop runs of GitHub Actions (buildRunner github-checks)", false)
      .option("--workflows", "may also land changes of .github/workflows", false)
      .action((flags: CreateFlags) => run((session) => create(session, environment, flags))),
  );
  group.addCommand(
    verb(
      "doctor",
      "check the App: permissions, events, installation, branch protection, required checks, a test delivery",
    )
      .option("--repository <owner/name>", "look at this one alone; else at those of the queues of --url")
      .option("--branch <name>", "that --repository is landed on", "main")
      .option("--check <name>", "of the queue's check run", "Submitqueue")
      .action((flags: DoctorFlags) =>
        run(async (session) => {
          const { examineApp } = await import("../github/doctor.ts");
          const findings = await examineApp({
            github: gitHubAt(flags.github),
            secret: secretFor(session, environment, flags),
            check: flags.check,
            places: async () =>
              flags.repository === undefined
                ? (await session.client.queues()).map(({ repository, branch }) => ({ remote: repository, branch }))
                : [{ remote: `${gitHubAt(flags.github).web}/${flags.repository}.git`, branch: flags.branch }],
          });
          session.show(findings, () => findingsText(session, findings));
          return exitCodeOf(findings);
        }),
      ),
  );
  return group;
}

/** Where the secret is: as the flag says, else by the address of the queue's API. */
function secretFor(session: Session, environment: Environment, { secret, store }: Flags): AppSecret {
  const isHere = ["127.0.0.1", "localhost", "[::1]"].includes(new URL(session.url).hostname);
  if (store === "laptop" || (store === undefined && isHere)) return laptopSecret(environment, secret);
  return awsSecret(secret, async () => new (await import("@aws-sdk/client-secrets-manager")).SecretsManagerClient({}));
}

async function create(session: Session, environment: Environment, flags: CreateFlags): Promise<number> {
  const { terminal, interrupted } = session;
  const { webhook, name, organization, port, replace, actions, workflows } = flags;
  if (!/^https?:\/\/[^\s]+$/.test(webhook)) throw new UsageError("--webhook must be an http(s) URL.");
  if (name.length > 34) throw new UsageError("--name has at most 34 characters.");
  const secret = secretFor(session, environment, flags);
  if (!replace && (await secret.isThere()))
    throw new UsageError(
      `${secret.place} is there already: name another with --secret, or overwrite it with --replace.`,
    );
  let kept = secret.place;
  const keep = async (app: CreatedApp): Promise<void> => {
    kept = await keepSafe(app, secret, laptopSecret(environment, `${flags.secret}.${app.id}`), (text) =>
      terminal.err(text),
    );
  };
  const app = await createApp({
    github: gitHubAt(flags.github),
    organization,
    name,
    webhook,
    more: {
      ...(actions ? { actions: MORE_PERMISSIONS.actions } : {}),
      ...(workflows ? { workflows: MORE_PERMISSIONS.workflows } : {}),
    },
    port,
    signal: interrupted,
    opened: (address) => terminal.err(`Open this address in your browser:\n\n  ${address}\n\n`),
    keep,
  }).catch(portRefused(port));
  const { id, slug, html_url: page } = app;
  session.show({ appId: id, slug, page, install: `${page}/installations/new`, secret: kept }, () =>
    [
      `The GitHub App ${slug} (${id}) is there. Its private key and webhook secret: ${kept}.`,
      `Next: install it on the repositories, at ${page}/installations/new`,
      `then check it with: submitqueue github doctor`,
    ].join("\n"),
  );
  return kept === secret.place ? 0 : 1;
}

/** GitHub gives the key out once: when it can't be kept where it is to be, it is kept in a file. Answers the place. */
export async function keepSafe(
  { id, pem, webhook_secret: webhookSecret }: CreatedApp,
  secret: AppSecret,
  rescue: AppSecret,
  say: (text: string) => void,
): Promise<string> {
  const text = JSON.stringify({ appId: id, privateKey: pem, webhookSecret });
  try {
    await secret.write(text);
    return secret.place;
  } catch (error) {
    await rescue.write(text);
    say(
      `${secret.place} can't be written: ${error instanceof Error ? error.message : String(error)}\nThe App's secret is in ${rescue.place} now: put the file's text there, and delete the file.\n`,
    );
    return rescue.place;
  }
}
