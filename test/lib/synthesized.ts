import { mkdtempSync, readFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { QueuesConfig } from "../../functions/contracts/queues.ts";
import { type AppOptions, buildApp } from "../../lib/app.ts";
import { type Placed, type StackTemplate, stackTemplate, Templates } from "../../lib/checks/templates.ts";
import { Resource, type ResourceInput } from "../../lib/cloudformation/template.ts";
import { METADATA } from "../../lib/settings.ts";

export const queuesWith = (...queues: readonly Record<string, unknown>[]): QueuesConfig =>
  QueuesConfig.parse({
    queues: queues.map((queue, index) => ({
      name: `queue-${index}`,
      repository: { remote: "https://git.example.com/repository.git" },
      buildRunner: { type: "fake" },
      ...queue,
    })),
  });

/** Two queues, of which one lands pull requests of a GitHub App's repository. */
export const withGitHubApp = (): QueuesConfig =>
  QueuesConfig.parse({
    github: { secret: "submitqueue/app" },
    queues: ["https://github.com/acme/shop.git", "https://git.example.com/docs.git"].map((remote, index) => ({
      name: `queue-${index}`,
      repository: { remote, tokenSecret: "submitqueue/token" },
      buildRunner: { type: "codebuild", project: "shop-builds" },
    })),
  });

/** Templates as text, by the options that they were made with: files that share a process ask for the same ones. */
const made = new Map<string, readonly (readonly [id: string, text: string])[]>();

/** The templates of an app without code in them, for AWS unless it says otherwise. */
export function templatesOf(options: Partial<AppOptions> = {}): readonly StackTemplate[] {
  const key = JSON.stringify(options);
  const templates = made.get(key) ?? textsOf(options);
  made.set(key, templates);
  return templates.map(([id, text]) => stackTemplate(id.toLowerCase(), JSON.parse(text)));
}

function textsOf(options: Partial<AppOptions>) {
  const outdir = mkdtempSync(join(tmpdir(), "submitqueue-synth-"));
  const app = buildApp({ queues: queuesWith({}), target: "aws", bundle: false, outdir, ...options });
  const { stacks } = silently(() => app.synth());
  return stacks.map(({ id, templateFullPath }) => [id, readFileSync(templateFullPath, "utf8")] as const);
}

/** Without what a validation prints: that the fake runner builds nothing is no news here. */
export function silently<T>(work: () => T): T {
  const print = console.error;
  console.error = () => {};
  try {
    return work();
  } finally {
    console.error = print;
  }
}

/** The same templates with one resource changed: what a careless change to a stack would make of them. */
export function withResource(
  templates: readonly StackTemplate[],
  stack: string,
  logicalId: string,
  change: (before: ResourceInput) => ResourceInput,
): readonly StackTemplate[] {
  return templates.map((one) => {
    if (one.stack !== stack) return one;
    const before = one.template.Resources?.[logicalId] ?? { Type: "absent" };
    return {
      ...one,
      template: {
        ...one.template,
        Resources: { ...one.template.Resources, [logicalId]: Resource.parse(change(before)) },
      },
    };
  });
}

export interface Deployed extends Placed {
  /** `gateway/api` */
  readonly name: string;
  readonly entry: string;
  readonly timeout: number;
  readonly environment: Readonly<Record<string, unknown>>;
}

export const functionsOf = (templates: Templates): readonly Deployed[] =>
  templates.ofType("AWS::Lambda::Function").map((placed) => {
    const { Environment, Timeout } = placed.properties as {
      Environment?: { Variables?: Record<string, unknown> };
      Timeout: number;
    };
    return {
      ...placed,
      name: String(placed.metadata[METADATA.function]),
      entry: String(placed.metadata[METADATA.entry]),
      timeout: Timeout,
      environment: Environment?.Variables ?? {},
    };
  });

/** The resource that a reference, in a stack, leads to. */
export function target(templates: Templates, stack: string, reference: unknown): Placed {
  const text = templates.text(stack, reference, "?");
  const found = templates.resources.find(({ arn, ref }) => arn === text || ref === text);
  if (found === undefined) throw new Error(`${JSON.stringify(reference)} leads nowhere`);
  return found;
}

export const read = (templates: readonly StackTemplate[]): Templates => new Templates(templates);
