import * as z from "zod";

/**
 * A check for `superRefine`. `problemOf` answers a sentence that says what is wrong with the text and what to write instead, or undefined when
 * the text is right.
 */
export const hasNoProblem =
  (problemOf: (text: string) => string | undefined) =>
  (text: string, ctx: z.RefinementCtx<string>): void => {
    const problem = problemOf(text);
    if (problem !== undefined) ctx.addIssue({ code: "custom", message: problem });
  };

/** The name of a secret of AWS Secrets Manager. */
export const SecretName = z.string().regex(/^[A-Za-z0-9/_+=.@-]{1,200}$/, "the name of a secret");

/** `owner/name` on GitHub. */
export const GitHubRepository = z
  .string()
  .regex(/^[A-Za-z0-9._-]{1,100}\/[A-Za-z0-9._-]{1,100}$/, "the owner and the name of a repository, such as acme/shop");

/** The address of GitHub's REST API: by TLS, or on this machine. */
export const GitHubApi = z
  .url({ protocol: /^https?$/ })
  .max(300)
  .refine(
    (api) => api.startsWith("https://") || /^http:\/\/(127\.0\.0\.1|localhost)(:\d+)?(\/|$)/.test(api),
    "write https://…; without TLS the token could be read, so http:// is taken for this machine alone",
  );

/** A check that a queue reads, by the name that GitHub shows: of a check run or of a commit status. */
export const GitHubCheck = z.union([
  z.string().min(1).max(300),
  z.strictObject({
    name: z.string().min(1).max(300),
    /** The App that must report the check, by its id or its slug. Absent: any App or user that may write to the repository. */
    app: z
      .union([z.int().positive(), z.string().regex(/^[a-z0-9-]{1,100}$/, "the slug or the id of a GitHub App")])
      .optional(),
  }),
]);
