import { readFileSync } from "node:fs";
import { join } from "node:path";
import { parse } from "yaml";
import * as z from "zod";
import { UsageError } from "./usage-error.ts";
import { configDirectory, type Environment } from "./user-directories.ts";

/** What the command line has to know of a queue's API. */
export const Settings = z.strictObject({
  url: z.url({ protocol: /^https?$/, error: "an http(s) URL" }),
  token: z.string().regex(/^[\x21-\x7e]+$/, { error: "a token: visible ASCII characters without blanks" }),
  queue: z.string().min(1, { error: "the name of a queue" }),
  auth: z.enum(["iam", "none"], { error: "iam (calls are signed with AWS credentials) or none" }),
});
export type Settings = { readonly [K in keyof z.infer<typeof Settings>]?: string | undefined };
export type SettingName = keyof Settings;
export const SETTING_NAMES = ["url", "token", "queue", "auth"] as const satisfies readonly SettingName[];

/** Where a setting's value comes from. */
export interface Setting {
  readonly value: string;
  readonly source: string;
}

/** Of the embedded runtime, which `npm start` starts. */
const DEFAULT_URL = "http://127.0.0.1:3000";

export const settingsFile = (environment: Environment): string => join(configDirectory(environment), "config.yaml");

/** The settings that hold: a flag wins over the environment, the environment over the file. Throws UsageError. */
export function resolveSettings(flags: Settings, environment: Environment): Partial<Record<SettingName, Setting>> {
  const file = settingsFile(environment);
  const written = readSettings(file);
  const found: Partial<Record<SettingName, Setting>> = { url: { value: DEFAULT_URL, source: "default" } };
  for (const name of SETTING_NAMES) {
    const variable = `SUBMITQUEUE_${name.toUpperCase()}`;
    if (written[name] !== undefined) found[name] = { value: written[name], source: file };
    if (environment[variable]) found[name] = { value: environment[variable], source: variable };
    if (flags[name] !== undefined) found[name] = { value: flags[name], source: `--${name}` };
  }
  for (const [name, { value, source }] of Object.entries(found)) {
    const checked = Settings.shape[name as SettingName].safeParse(value);
    if (!checked.success) throw new UsageError(`${source}: ${name} must be ${checked.error.issues[0]?.message}.`);
  }
  return found;
}

/** The settings that a file holds; none when there is no file. Throws UsageError when the file makes no sense. */
export function readSettings(file: string): Settings {
  let text: string;
  try {
    text = readFileSync(file, "utf8");
  } catch (error) {
    if (error instanceof Error && "code" in error && error.code === "ENOENT") return {};
    throw new UsageError(`${file} can't be read: ${error instanceof Error ? error.message : String(error)}`);
  }
  try {
    return Settings.partial().parse(parse(text) ?? {});
  } catch (error) {
    const what = error instanceof z.ZodError ? z.prettifyError(error) : String(error);
    throw new UsageError(`${file} is not a settings file: ${what}`);
  }
}
