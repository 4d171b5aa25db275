/**
 * The steps of a call that only write headers, which nothing reads here, those that sign the call, and the one that writes to a log: half of
 * what the SDK takes for a call. Nothing checks a signature: the caller is known by the client that it holds.
 */
const FOR_HTTP = [
  "getUserAgentMiddleware",
  "hostHeaderMiddleware",
  "recursionDetectionMiddleware",
  "contentLengthMiddleware",
  "httpAuthSchemeMiddleware",
  "httpSigningMiddleware",
  "loggerMiddleware",
];

/** The client, whose calls do not leave the process, without the steps that only a server needs. */
export function bare<T extends { readonly middlewareStack: { remove(name: string): boolean } }>(client: T): T {
  for (const name of FOR_HTTP) client.middlewareStack.remove(name);
  return client;
}
