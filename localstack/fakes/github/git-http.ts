import { spawn } from "node:child_process";
import type { IncomingMessage, ServerResponse } from "node:http";
import { dirname } from "node:path";

/** Answers a request of git's smart protocol with `git http-backend`, for one bare repository. Resolves when the answer was sent. */
export function serveGit({
  request,
  response,
  repository,
  path,
  user,
}: {
  request: IncomingMessage;
  response: ServerResponse;
  repository: string;
  path: string;
  user: string;
}): Promise<void> {
  const { pathname, searchParams } = new URL(path, "http://localhost");
  const backend = spawn("git", ["http-backend"], {
    cwd: dirname(repository),
    env: {
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
    },
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
    const fields = head
      .subarray(0, end)
      .toString("latin1")
      .split("\r\n")
      .map((line) => line.split(/:\s*/, 2) as [string, string]);
    const status = fields.find(([name]) => name.toLowerCase() === "status")?.[1];
    response.writeHead(
      Number.parseInt(status ?? "200", 10),
      Object.fromEntries(fields.filter(([name]) => name.toLowerCase() !== "status")),
    );
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
