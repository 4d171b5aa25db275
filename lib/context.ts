import { z } from "zod";
import type { AppOptions } from "./app.ts";
import { TARGETS } from "./settings.ts";

const boolean = z.stringbool().or(z.boolean());

/** What `cdk -c name=value` may say, or cdk.json's `context`. */
const Context = z.object({
  queues: z.string().min(1).default("queues.yaml"),
  target: z.enum(TARGETS).default("aws"),
  deletionProtection: boolean.default(true),
  apiAuth: z.enum(["iam", "none"]).optional(),
  alarmTopic: z
    .string()
    .regex(/^arn:[^:]+:sns:/, "the ARN of an SNS topic")
    .optional(),
  /** false leaves code out of the templates, which is quick, and enough to look at them. */
  bundle: boolean.default(true),
  /** false: no container images (Settings.images). */
  images: boolean.default(true),
});

/** What is wrong with the context, for people. */
export class ContextError extends Error {
  override readonly name = "ContextError";
}

/** Throws ContextError. */
export function optionsFrom(contextOf: (name: string) => unknown): AppOptions {
  const parsed = Context.safeParse(
    Object.fromEntries(Object.keys(Context.shape).map((name) => [name, contextOf(name)])),
  );
  if (!parsed.success)
    throw new ContextError(
      parsed.error.issues.map(({ path, message }) => `context ${path.join(".")}: ${message}`).join("\n"),
    );
  const { queues, target, deletionProtection, apiAuth, alarmTopic, bundle, images } = parsed.data;
  return {
    queues,
    target,
    deletionProtection,
    bundle: bundle && target !== "embedded",
    ...(images ? {} : { images }),
    ...(apiAuth === undefined ? {} : { apiAuth }),
    ...(alarmTopic === undefined ? {} : { alarmTopicArn: alarmTopic }),
  };
}
