import { resolve } from "node:path";
import { parseArgs } from "node:util";
import { z } from "zod";

const STATE = resolve(import.meta.dirname, "..", "..", ".submitqueue", "demo");

export const USAGE = `npm run demo -- [flags]

Lands changes of a sandbox repository through a queue that runs on this machine, and proves that the trunk stayed green.

  --count N     changes to make, 1 to 100 (default 8); with 2 or more, two of them break the project together; with 6 to 12,
                one is slow, one lands past it, and two land with it
  --folders F   folders of the project to spread them over, 1 to 40 (default 3)
  --stacked     all changes but those two travel as one stack, in one request; none is slow
  --seed S      decides everything that is left to chance, 0 to 4294967295 (default 1)
  --state DIR   where it keeps its repository and its state (default .submitqueue/demo); made anew by each run
  --json        print nothing but one JSON document, at the end
  --help        print this

Exit code: 0 when every request ended as it should, 1 when not, 2 when the flags are wrong.`;

const whole = (flag: string, min: number, max: number) =>
  z
    .string()
    .regex(/^[0-9]{1,10}$/, `${flag} takes a whole number from ${min} to ${max}`)
    .transform(Number)
    .pipe(z.number().min(min, `${flag} is at least ${min}`).max(max, `${flag} is at most ${max}`));

const Options = z.object({
  count: whole("--count", 1, 100).default(8),
  folders: whole("--folders", 1, 40).default(3),
  seed: whole("--seed", 0, 0xffff_ffff).default(1),
  stacked: z.boolean().default(false),
  state: z.string().min(1, "--state names a directory").default(STATE),
  json: z.boolean().default(false),
  help: z.boolean().default(false),
});
export type DemoOptions = z.infer<typeof Options>;

export type ParsedOptions =
  | { readonly kind: "options"; readonly options: DemoOptions }
  | { readonly kind: "help" }
  | { readonly kind: "wrong"; readonly problem: string };

/** Reads the command line. Never throws. */
export function parseOptions(args: readonly string[]): ParsedOptions {
  try {
    const text = { type: "string" } as const;
    const flag = { type: "boolean" } as const;
    const { values } = parseArgs({
      args: [...args],
      options: { count: text, folders: text, seed: text, state: text, stacked: flag, json: flag, help: flag },
    });
    const parsed = Options.safeParse(values);
    if (!parsed.success)
      return { kind: "wrong", problem: parsed.error.issues.map(({ message }) => message).join("\n") };
    return parsed.data.help ? { kind: "help" } : { kind: "options", options: parsed.data };
  } catch (error) {
    return { kind: "wrong", problem: error instanceof Error ? error.message : String(error) };
  }
}
