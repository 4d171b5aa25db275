import { z } from "zod";
import type { AppOptions } from "./app.ts";
import { TARGETS } from "./settings.ts";

const boolean = z.stringbool().or(z.boolean());

/** A list in one text: `a,b`. */
const list = z.string().transform((text) => text.split(",").filter((one) => one !== ""));

/** What `cdk -c name=value` may say, or cdk.json's `context`. */
const Context = z
  .object({
    queues: z.string().min(1).default("queues.yaml"),
    target: z.enum(TARGETS).default("aws"),
    deletionProtection: boolean.default(true),
    apiAuth: z.enum(["iam", "jwt", "iam+jwt", "none"]).optional(),
    jwtIssuer: z.url({ protocol: /^https$/ }).optional(),
    jwtAudience: list.optional(),
    jwtScope: z.string().min(1).optional(),
    jwtClientId: z.string().min(1).optional(),
    alarmTopic: z
      .string()
      .regex(/^arn:[^:]+:sns:/, "the ARN of an SNS topic")
      .optional(),
    /** false leaves code out of the templates, which is quick, and enough to look at them. */
    bundle: boolean.default(true),
    /** false: no container images (Settings.images). */
    images: boolean.default(true),
  })
  .superRefine(({ apiAuth = "iam", jwtIssuer, jwtAudience }, ctx) => {
    if (!apiAuth.includes("jwt")) return;
    const refuse = (path: string, message: string) => ctx.addIssue({ code: "custom", path: [path], message });
    if (jwtIssuer === undefined) refuse("jwtIssuer", "name the issuer of the tokens, as https://…");
    if (jwtAudience === undefined || jwtAudience.length === 0) refuse("jwtAudience", "name the audience of the tokens");
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
  const jwt = jwtIn(parsed.data);
  return {
    queues,
    target,
    deletionProtection,
    bundle: bundle && target !== "embedded",
    ...(images ? {} : { images }),
    ...(apiAuth === undefined ? {} : { apiAuth }),
    ...(jwt === undefined ? {} : { jwt }),
    ...(alarmTopic === undefined ? {} : { alarmTopicArn: alarmTopic }),
  };
}

function jwtIn({ jwtIssuer, jwtAudience, jwtScope, jwtClientId }: z.infer<typeof Context>): AppOptions["jwt"] {
  if (jwtIssuer === undefined || jwtAudience === undefined) return undefined;
  return {
    issuer: jwtIssuer,
    audience: jwtAudience,
    ...(jwtScope === undefined ? {} : { scope: jwtScope }),
    ...(jwtClientId === undefined ? {} : { clientId: jwtClientId }),
  };
}
