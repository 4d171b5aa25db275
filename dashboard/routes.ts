/** A place of the page: what it shows, and for which queue. */
export type Route =
  | { readonly view: "queues" }
  | { readonly view: "queue" | "trends" | "what-if"; readonly queue: string }
  | { readonly view: "request"; readonly queue: string; readonly number: number }
  | { readonly view: "search"; readonly queue: string; readonly text: string }
  | { readonly view: "nowhere" };

const QUEUE = /^[a-z0-9][a-z0-9._-]{0,99}$/;

/** The route of a path and its query. `/q/main/17` is request 17 of queue main. What is no path of the page is `nowhere`. */
export function routeOf(path: string, query = ""): Route {
  const parts = path.split("/").filter((part) => part !== "");
  if (parts.length === 0) return { view: "queues" };
  const [q, queue = "", rest, ...more] = parts;
  if (q !== "q" || !QUEUE.test(queue) || more.length > 0) return { view: "nowhere" };
  if (rest === undefined) return { view: "queue", queue };
  if (rest === "trends" || rest === "what-if") return { view: rest, queue };
  if (rest === "search") return { view: "search", queue, text: new URLSearchParams(query).get("text") ?? "" };
  return /^[1-9][0-9]{0,11}$/.test(rest) ? { view: "request", queue, number: Number(rest) } : { view: "nowhere" };
}

export const queuePath = (queue: string): string => `/q/${queue}`;
export const requestPath = (queue: string, number: number): string => `/q/${queue}/${number}`;
export const viewPath = (queue: string, view: "trends" | "what-if"): string => `/q/${queue}/${view}`;
export const searchPath = (queue: string, text: string): string =>
  `/q/${queue}/search?${new URLSearchParams({ text }).toString()}`;
