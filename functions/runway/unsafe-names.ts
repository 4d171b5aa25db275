// Names in a tree that git refuses to check out on some system, by the rules of `git fsck`. Names are held as latin1, one character per byte.

/** Code points that HFS+ (macOS) ignores when it compares names. */
const IGNORED_BY_HFS = /[\u200c-\u200f\u202a-\u202e\u206a-\u206f\ufeff]/g;

const asSeenByHfs = (name: string): string =>
  Buffer.from(name, "latin1").toString("utf8").replace(IGNORED_BY_HFS, "").toLowerCase();

/** NTFS (Windows) ignores blanks and dots at the end of a name, and takes the text behind a colon for the name of a stream of the file. */
const GIT_ON_NTFS = /^(\.git|git~1)[. ]*(:|$)/i;
const MODULES_ON_NTFS = /^(\.gitmodules|gitmod~[1-4]|gi7(e|eb|eba)?~[1-9][0-9]*)[. ]*(:|$)/i;

/** The parts of a name on Windows, where a backslash separates directories. */
const partsOf = (name: string): readonly string[] => name.split("\\");

/** Why git refuses to check out a file of that name. Undefined when it does not. */
export function faultOfName(name: string): string | undefined {
  if (name === "") return "the name is empty";
  if (name.includes("/")) return "the name of one entry holds a slash";
  const parts = partsOf(name);
  if (name === "." || parts.includes("..")) return "the name leads to another directory";
  if (asSeenByHfs(name) === ".git" || parts.some((part) => GIT_ON_NTFS.test(part)))
    return "the name stands for git's own directory, here or on another system";
  return undefined;
}

/** True for the name of the file that configures submodules (`.gitmodules`), in every spelling that some system takes for it. */
export const isModulesFile = (name: string): boolean =>
  asSeenByHfs(name) === ".gitmodules" || partsOf(name).some((part) => MODULES_ON_NTFS.test(part));

/** Why git refuses a setting of .gitmodules, given as `submodule.<name>.<variable>` and its value. Undefined when it does not. */
export function faultOfModule(setting: string, value: string): string | undefined {
  const [, name, variable] = /^submodule\.(.*)\.([^.]*)$/s.exec(setting) ?? [];
  if (name === undefined) return undefined;
  if (name === "" || name.split(/[/\\]/).includes("..")) return `the submodule's name is "${name}"`;
  switch (variable?.toLowerCase()) {
    case "url":
      return isUnsafeUrl(value) ? `the submodule's url is "${value}"` : undefined;
    case "path":
      return value.startsWith("-") || value.split(/[/\\]/).includes("..")
        ? `the submodule's path is "${value}"`
        : undefined;
    case "update":
      return value.startsWith("!") ? "the submodule's update is a command" : undefined;
    default:
      return undefined;
  }
}

/**
 * True for an option in place of a URL, a transport that runs a command, a line break in the input of a credential helper, and an empty host.
 */
const isUnsafeUrl = (url: string): boolean =>
  url.startsWith("-") ||
  /^(ext|fd)::/i.test(url) ||
  /[\n\r]|%0[ad]/i.test(url) ||
  /^(\.\/)*(\.\.\/)+[:/]/.test(url) ||
  /^[a-z]+:\/{3,}/i.test(url.replace(/^file:/i, ""));
