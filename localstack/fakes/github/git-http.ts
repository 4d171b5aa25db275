import { spawn } from "node:child_process";
import type { IncomingMessage, ServerResponse } from "node:http";
import { dirname } from "node:path";
import { type Identities, loginOf, mayDo, sees } from "./identity.ts";
import { notFound, Refusal } from "./refusal.ts";
import type { RepositoryState } from "./state.ts";

/** What answers to git need of the GitHub that they belong to. */
interface GitHost {
  readonly identities: Identities;
  readonly repositories: ReadonlyMap<string, RepositoryState>;
  /** Tells of the refs that the user `by` has pushed. */
  sync(fullName: string, by: string): Promise<void>;
}

/** A request of git's smart protocol: the path is `/<fullName>.git<path>`. */
interface GitRequest {
  readonly request: IncomingMessage;
  readonly response: ServerResponse;
  readonly fullName: string;
  readonly path: string;
}

/** Answers git's smart protocol, for callers who may read or write the repository. The answer to a push is sent once its refs were told of. */
export async function answerGit(host: GitHost, { request, response, fullName, path }: GitRequest): Promise<void> {
  const repository = host.repositories.get(fullName);
  const writes = path.includes("git-receive-pack");
  try {
    const as = host.identities.identify(request.headers.authorization);
    if (repository === undefined || !sees(as, repository.name)) throw notFound();
    if (!mayDo(as, writes ? "contents:write" : "contents:read"))
      throw new Refusal(403, "Write access to repository not granted.");
    const user = loginOf(as);
    await serveGit({ request, response, repository: repository.git.path, path, user });
    if (writes && request.method === "POST") await host.sync(fullName, user);
    response.end();
  } catch (error) {
    if (!(error instanceof Refusal)) throw error;
    const challenge: Record<string, string> =
      error.status === 401 ? { "www-authenticate": 'Basic realm="GitHub"' } : {};
    response.writeHead(error.status, challenge).end(error.message);
  }
}

/** Answers a request of git's smart protocol with `git http-backend`, for one bare repository. Resolves when the answer was sent. */
function serveGit({ request, response, repository, path, user }: Served): Promise<void> {
  const backend = spawn("git", ["http-backend"], {
    cwd: dirname(repository),
    env: environmentOf({ request, repository, path, user }),
    stdio: ["pipe", "pipe", "ignore"],
  });
  backend.stdin.on("error", () => undefined);
  request.pipe(backend.stdin);
  const { promise, resolve } = Promise.withResolvers<void>();
  let head: Buffer | undefined = Buffer.alloc(0);
  backend.stdout.on("data", (chunk: Buffer) => {
    if (head === undefined) return void response.write(chunk);
    head = Buffer.concat([head, chunk]);
    const end = head.indexOf("\r\n\r\n");
    if (end === -1) return;
    writeHead(response, head.subarray(0, end));
    response.write(head.subarray(end + 4));
    head = undefined;
  });
  backend.once("error", () => response.destroy());
  backend.once("close", () => {
    if (!response.headersSent) response.writeHead(500);
    resolve();
  });
  return promise;
}

interface Served {
  readonly request: IncomingMessage;
  readonly response: ServerResponse;
  /** The path of the bare repository. */
  readonly repository: string;
  readonly path: string;
  readonly user: string;
}

/** The variables of CGI, as `git http-backend` reads them. */
function environmentOf({ request, repository, path, user }: Omit<Served, "response">): NodeJS.ProcessEnv {
  const { pathname, searchParams } = new URL(path, "http://localhost");
  return {
    PATH: process.env["PATH"],
    HOME: "/nonexistent",
    GIT_CONFIG_NOSYSTEM: "1",
    GIT_PROJECT_ROOT: repository,
    GIT_HTTP_EXPORT_ALL: "1",
    PATH_INFO: pathname,
    QUERY_STRING: searchParams.toString(),
    REQUEST_METHOD: request.method ?? "GET",
    CONTENT_TYPE: request.headers["content-type"] ?? "",
    HTTP_CONTENT_ENCODING: request.headers["content-encoding"] ?? "",
    GIT_PROTOCOL: String(request.headers["git-protocol"] ?? ""),
    REMOTE_USER: user,
    REMOTE_ADDR: "127.0.0.1",
  };
}

/** Writes the status and the header fields that a CGI program has put out. Status 200 when it named none. */
function writeHead(response: ServerResponse, head: Buffer): void {
  const fields = head
    .toString("latin1")
    .split("\r\n")
    .map((line) => line.split(/:\s*/, 2) as [string, string]);
  const status = fields.find(([name]) => name.toLowerCase() === "status")?.[1];
  const others = fields.filter(([name]) => name.toLowerCase() !== "status");
  response.writeHead(Number.parseInt(status ?? "200", 10), Object.fromEntries(others));
}
