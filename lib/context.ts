import * as z from "zod";
import type { AppOptions } from "./app.ts";
import { TARGETS } from "./settings.ts";

const boolean = z.union([z.stringbool(), z.boolean()], { error: "true or false" });

/** A list in one text: `a,b`. */
const list = z.string().transform((text) =>
  text
    .split(",")
    .map((one) => one.trim())
    .filter((one) => one !== ""),
);

const named = (what: string) => z.string().min(1, { error: what });

/** What `cdk -c name=value` may say, or cdk.json's `context`. */
const Context = z
  .object({
    queues: named("the path of a queues.yaml").default("queues.yaml"),
    target: z.enum(TARGETS).default("aws"),
    deletionProtection: boolean.default(true),
    apiAuth: z.enum(["iam", "jwt", "iam+jwt", "none"]).optional(),
    jwtIssuer: z.url({ protocol: /^https$/, error: "the address of an issuer, as https://…" }).optional(),
    jwtAudience: list.optional(),
    jwtScope: named("the name of a scope").optional(),
    jwtClientId: named("the id of the page's client at the provider").optional(),
    alarmTopic: z
      .string()
      .regex(/^arn:[^:]+:sns:/, "the ARN of an SNS topic")
      .optional(),
    /** false leaves code out of the templates, which is quick, and enough to look at them. */
    bundle: boolean.default(true),
    /** false: no container images (Settings.images). */
    images: boolean.default(true),
  })
  .superRefine(({ apiAuth = "iam", jwtIssuer, jwtAudience, jwtScope, jwtClientId }, ctx) => {
    const refuse = (path: string, message: string) => ctx.addIssue({ code: "custom", path: [path], message });
    if (!apiAuth.includes("jwt")) {
      for (const [name, value] of Object.entries({ jwtIssuer, jwtAudience, jwtScope, jwtClientId }))
        if (value !== undefined) refuse(name, `of use with apiAuth=jwt or iam+jwt alone, and apiAuth is ${apiAuth}`);
      return;
    }
    if (jwtIssuer === undefined) refuse("jwtIssuer", "name the issuer of the tokens, as https://…");
    if (jwtAudience === undefined || jwtAudience.length === 0) refuse("jwtAudience", "name the audience of the tokens");
  });

/** What is wrong with the context, for people. */
export class ContextError extends Error {
  override readonly name = "ContextError";
}

/** Names of ours in other letters: CDK takes any name, and a setting that nothing reads would be lost in silence. */
const misspelt = (context: Readonly<Record<string, unknown>>): readonly string[] =>
  Object.keys(context).flatMap((name) => {
    const meant = Object.keys(Context.shape).find((known) => known.toLowerCase() === name.toLowerCase());
    return meant === undefined || meant === name ? [] : [`context ${name}: there is no such name, write ${meant}`];
  });

/** The options that a context says, beside what is CDK's own or of other programs. Throws ContextError. */
export function optionsFrom(context: Readonly<Record<string, unknown>>): AppOptions {
  const parsed = Context.safeParse(context);
  const problems = [
    ...misspelt(context),
    ...(parsed.error?.issues ?? []).map(({ path, message }) => `context ${path.join(".")}: ${message}`),
  ];
  if (!parsed.success || problems.length > 0) throw new ContextError(problems.join("\n"));
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
