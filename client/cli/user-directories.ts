import { homedir } from "node:os";
import { join } from "node:path";

export type Environment = Readonly<Record<string, string | undefined>>;

/** `$XDG_CONFIG_HOME/submitqueue`, or the same below ~/.config. A variable that is empty counts as one that is not set. */
export const configDirectory = (environment: Environment): string =>
  directory(environment, "XDG_CONFIG_HOME", ".config");

/** `$XDG_CACHE_HOME/submitqueue`, or the same below ~/.cache. Losing its files loses only time. */
export const cacheDirectory = (environment: Environment): string => directory(environment, "XDG_CACHE_HOME", ".cache");

const directory = (environment: Environment, variable: string, fallback: string): string =>
  join(environment[variable] || join(environment["HOME"] || homedir(), fallback), "submitqueue");
