import type { Described } from "./description/described.ts";
import { patternOf, type Route, type Routes } from "./routes.ts";

interface CompiledRoute {
  readonly operation: string;
  readonly method: string;
  readonly pattern: RegExp;
  readonly route: Route;
}

/** The route of a call, and the parts of its path by their names. */
export interface MatchedRoute {
  readonly operation: string;
  readonly route: Route;
  readonly params: Readonly<Record<string, string>>;
}

/** All routes of the REST API. */
export class RouteTable {
  readonly #described: Described;
  #routes: readonly CompiledRoute[] = [];

  constructor(described: Described) {
    this.#described = described;
  }

  /** Adds the routes of a resource. Throws for an operation that GitHub's description does not have. */
  add(routes: Routes): void {
    const compiled = Object.entries(routes).map(([operation, route]) => {
      if (!this.#described.has(operation)) throw new Error(`GitHub has no ${operation}: name it in description/cut.ts`);
      const [method = "", path = ""] = operation.split(" ");
      return { operation, method: method.toUpperCase(), pattern: patternOf(path), route };
    });
    // The longer path first: `commits/{ref}/status` is no commit of the name `x/status`.
    this.#routes = [...this.#routes, ...compiled].sort((one, other) => other.operation.length - one.operation.length);
  }

  /** The route of a path, such as `GET` and `/repos/acme/shop`. Undefined when there is none. */
  match(method: string, path: string): MatchedRoute | undefined {
    for (const { operation, method: verb, pattern, route } of this.#routes) {
      const found = verb === method ? pattern.exec(path) : null;
      if (found === null) continue;
      const params = Object.entries(found.groups ?? {}).map(([name, value]) => [name, decodeURIComponent(value)]);
      return { operation, route, params: Object.fromEntries(params) };
    }
    return undefined;
  }
}
