import { randomBytes } from "node:crypto";
import { once } from "node:events";
import { rmSync, writeFileSync } from "node:fs";
import { createServer, type IncomingMessage } from "node:http";
import type { AddressInfo } from "node:net";
import type { Logger } from "pino";
import { REGION } from "../../lib/cloudformation/resolver.ts";
import { KEPT_CONNECTIONS } from "../kept-connections.ts";
import { AwsError } from "./aws-error.ts";
import { type AwsAnswer, type CallAws, refusal } from "./front-door.ts";
import { foreignIn } from "./loopback.ts";
import { type AccessKey, verifySignature } from "./signature.ts";

/** Where the `aws` command line finds what the runtime holds. */
export interface OperatorPort {
  /** http://127.0.0.1:<port> */
  readonly url: string;
  close(): Promise<void>;
}

/** DynamoDB takes no larger call. */
const MAX_BODY_BYTES = 16 * 1024 * 1024;

/**
 * Serves AWS' JSON protocols on a port of loopback, to the holder of a key that is made anew by each start. Address and key are written
 * to `file`, which only the user who runs the runtime can read and which is gone when the port is closed: a shell script that sets the
 * variables of the AWS command line. No browser is served.
 */
export async function listenForOperator(call: CallAws, file: string, log: Logger): Promise<OperatorPort> {
  const key: AccessKey = {
    accessKeyId: `SQ${randomBytes(10).toString("hex").toUpperCase()}`,
    secretAccessKey: randomBytes(32).toString("base64url"),
  };
  const server = createServer({ ...KEPT_CONNECTIONS, requireHostHeader: false }, (request, response) => {
    answer(call, key, request)
      .catch((error: unknown) => {
        if (!(error instanceof AwsError)) log.error({ err: error }, "a call to the operator's port failed");
        return refusal(error);
      })
      .then(({ status, headers, body }) => {
        // What is left of a refused body is never read: the connection can't be used again.
        if (!request.complete) response.setHeader("connection", "close");
        response.writeHead(status, { ...headers }).end(body);
      });
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address() as AddressInfo;
  const url = `http://127.0.0.1:${port}`;
  // Not over what is there: a file keeps its permissions when it is written again.
  rmSync(file, { force: true });
  writeFileSync(file, variables(url, key), { mode: 0o600, flag: "wx" });
  return {
    url,
    close: async () => {
      rmSync(file, { force: true });
      const closed = once(server, "close");
      server.close();
      server.closeAllConnections();
      await closed;
    },
  };
}

const variables = (url: string, { accessKeyId, secretAccessKey }: AccessKey): string => `export AWS_ENDPOINT_URL=${url}
export AWS_ACCESS_KEY_ID=${accessKeyId}
export AWS_SECRET_ACCESS_KEY=${secretAccessKey}
export AWS_REGION=${REGION}
unset AWS_SESSION_TOKEN AWS_PROFILE
`;

/** Throws AwsError. Nothing is answered that the key's signature does not cover, and no error names what is there. */
async function answer(call: CallAws, key: AccessKey, request: IncomingMessage): Promise<AwsAnswer> {
  const { method = "", url = "", headers } = request;
  if (foreignIn(headers) !== undefined || Object.keys(headers).some(isOfBrowser))
    throw new AwsError("AccessDeniedException", "This port is for the aws command line, not for browsers.", 403);
  const body = await bodyOf(request);
  if (method !== "POST" || url !== "/")
    throw new AwsError("UnknownOperationException", `there is nothing at ${method} ${url}`, 404);
  await verifySignature({ method, path: url, headers, body }, key, Date.now());
  return call("operator", String(headers["x-amz-target"] ?? ""), body);
}

const isOfBrowser = (header: string): boolean => header === "origin" || header.startsWith("sec-fetch-");

async function bodyOf(request: IncomingMessage): Promise<Buffer> {
  const chunks: Buffer[] = [];
  let size = 0;
  for await (const chunk of request.iterator({ destroyOnReturn: false })) {
    size += chunk.length;
    if (size > MAX_BODY_BYTES) throw new AwsError("RequestEntityTooLarge", "the call is too large", 413);
    chunks.push(chunk);
  }
  return Buffer.concat(chunks);
}
