import type { Identity, Permission } from "./identity.ts";
import type { RepositoryState } from "./state.ts";

/** One call of the REST API, checked against the description. */
interface Call {
  /** The parts of the path by their names, such as `check_run_id`. */
  readonly params: Readonly<Record<string, string>>;
  readonly query: URLSearchParams;
  // biome-ignore lint/suspicious/noExplicitAny: its shape was checked against GitHub's description.
  readonly body: any;
  /** `anyone` is taken for a user who may read. */
  readonly as: Identity;
  /** The repository that the path names. Throws for a path that names none. */
  readonly repository: RepositoryState;
  /** The part of a listing that the query asks for; the answer gets a Link header. */
  page<T>(items: readonly T[]): T[];
}

export interface Answer {
  readonly status: number;
  /** What the fake has to say. The rest of what GitHub's description requires is filled in. */
  readonly body?: unknown;
  readonly headers?: Readonly<Record<string, string>>;
}

export interface Route {
  /** What the caller must be allowed, as `checks:write`. Absent: any installation or user that sees the repository. */
  readonly needs?: Permission;
  /**
   * Who may call: `jwt` the App itself, `installation` an App's installation alone, `anyone` without credentials. Absent: installations and
   * users.
   */
  readonly only?: "jwt" | "installation" | "anyone";
  answer(call: Call): Answer | Promise<Answer>;
}

/** Routes by the operation of GitHub's description: `get /repos/{owner}/{repo}`. */
export type Routes = Readonly<Record<string, Route>>;

export const R = "/repos/{owner}/{repo}";

export const ok = (body: unknown, status = 200): Answer => ({ status, body });

/** A path of the description as a pattern. `{ref}`, `{branch}` and `{basehead}` may hold slashes. */
export function patternOf(path: string): RegExp {
  const source = path.replaceAll(/\{(\w+)\}/g, (_, name: string) =>
    ["ref", "branch", "basehead"].includes(name) ? `(?<${name}>.+)` : `(?<${name}>[^/]+)`,
  );
  return new RegExp(`^${source}$`);
}
