import { createHash } from "node:crypto";
import { readdirSync, readFileSync } from "node:fs";
import { extname, join } from "node:path";
import { gzipSync } from "node:zlib";
import type { APIGatewayProxyEventV2, APIGatewayProxyStructuredResultV2 } from "aws-lambda";
import { type Env, need } from "../../adapters/settings.ts";
import { ENV } from "../../contracts/environment.ts";
import { CodedError } from "../../contracts/errors.ts";
import { isPagePath, PageAccess, type PageSettings, PROXY_HEADER } from "../../contracts/page.ts";

interface File {
  readonly type: string;
  readonly bytes: Buffer;
  readonly zipped: Buffer;
  readonly etag: string;
}

const TYPES: Readonly<Record<string, string>> = {
  ".html": "text/html; charset=utf-8",
  ".js": "text/javascript; charset=utf-8",
  ".css": "text/css; charset=utf-8",
  ".svg": "image/svg+xml",
};

/** Answers a GET of a path of the page: a file of `assets`, or the document for `/` and `/q/…`. Undefined for any other path or method. */
export type AnswerPage = (event: APIGatewayProxyEventV2) => APIGatewayProxyStructuredResultV2 | undefined;

/**
 * Serves the page from a directory that lib/page.ts has written. The files are read at the first call. No part of it is secret, and it makes
 * no call to AWS: who may see a queue is decided by the calls of the API that the page makes.
 */
export function pageIn(directory: string, settings: PageSettings): AnswerPage {
  let files: ReadonlyMap<string, File> | undefined;
  return (event) => {
    const { method, path } = event.requestContext.http;
    if (method !== "GET" && method !== "HEAD") return undefined;
    if (!isPagePath(path)) return undefined;
    files ??= filesIn(directory, settings);
    const isProxied = event.headers[PROXY_HEADER] !== undefined;
    const file = files.get(path.startsWith("/assets") ? path : isProxied ? PROXIED : DOCUMENT);
    return file === undefined ? undefined : responseOf(event, file, headersFor(settings));
  };
}

/** The page as the environment has it; one that answers nothing where the environment has none. Throws config.invalid. */
export function pageOf(env: Env): AnswerPage {
  const directory = env[ENV.pageDirectory];
  if (directory === undefined) return () => undefined;
  try {
    const access = PageAccess.parse(JSON.parse(need(env, ENV.pageAccess)));
    return pageIn(directory, { ...access, version: need(env, ENV.version) });
  } catch (cause) {
    throw new CodedError("config.invalid", `${ENV.pageAccess} does not say how people log in: ${String(cause)}`, {
      cause,
    });
  }
}

/** The document, and the document for a browser that comes through `submitqueue ui`. */
const [DOCUMENT, PROXIED] = ["document", "proxied document"];

function filesIn(directory: string, settings: PageSettings): ReadonlyMap<string, File> {
  const assets = readdirSync(join(directory, "assets")).map(
    (name) => [`/assets/${name}`, fileOf(name, readFileSync(join(directory, "assets", name)))] as const,
  );
  const document = readFileSync(join(directory, "index.html"), "utf8");
  const documentWith = (written: PageSettings) =>
    fileOf("index.html", Buffer.from(document.replace("SETTINGS", () => attribute(written))));
  return new Map([
    ...assets,
    [DOCUMENT, documentWith(settings)],
    [PROXIED, documentWith({ auth: "open", version: settings.version })],
  ]);
}

const fileOf = (name: string, bytes: Buffer): File => ({
  type: TYPES[extname(name)] ?? "application/octet-stream",
  bytes,
  zipped: gzipSync(bytes, { level: 9 }),
  etag: `"${createHash("sha256").update(bytes).digest("base64url").slice(0, 22)}"`,
});

/** As the value of an attribute between double quotes. */
const attribute = (settings: PageSettings): string =>
  JSON.stringify(settings).replaceAll("&", "&amp;").replaceAll('"', "&quot;").replaceAll("<", "&lt;");

/** A new version is seen at the next visit: a browser asks each time, and is answered 304 as long as nothing has changed. */
function responseOf(
  { headers, requestContext }: APIGatewayProxyEventV2,
  { type, bytes, zipped, etag }: File,
  shared: Readonly<Record<string, string>>,
): APIGatewayProxyStructuredResultV2 {
  const common = { ...shared, etag, vary: `accept-encoding, ${PROXY_HEADER}`, "cache-control": "no-cache" };
  if (headers["if-none-match"]?.includes(etag)) return { statusCode: 304, headers: common };
  const takesZipped = /\bgzip\b/.test(headers["accept-encoding"] ?? "");
  const body = takesZipped ? zipped : bytes;
  return {
    statusCode: 200,
    headers: { ...common, "content-type": type, ...(takesZipped ? { "content-encoding": "gzip" } : {}) },
    ...(requestContext.http.method === "HEAD" ? {} : { body: body.toString("base64"), isBase64Encoded: true }),
  };
}

/** Nothing but files of this origin is loaded, nothing inline is run, and no other page may show this one in a frame. */
const headersFor = (settings: PageSettings): Readonly<Record<string, string>> => ({
  "content-security-policy": [
    "default-src 'none'",
    "script-src 'self'",
    "style-src 'self'",
    "img-src 'self'",
    `connect-src 'self'${settings.auth === "jwt" ? ` ${new URL(settings.issuer).origin}` : ""}`,
    "base-uri 'none'",
    "form-action 'none'",
    "frame-ancestors 'none'",
    "require-trusted-types-for 'script'",
    "trusted-types submitqueue",
  ].join("; "),
  "x-content-type-options": "nosniff",
  "referrer-policy": "no-referrer",
  "cross-origin-opener-policy": "same-origin",
});
