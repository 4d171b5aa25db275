import { randomUUID } from "node:crypto";
import * as z from "zod";
import { ACCOUNT, REGION } from "../../lib/cloudformation/resolver.ts";
import type { Decision } from "./iam.ts";

interface Rights {
  /** Whether the role of the function may call this resource of execute-api. */
  readonly mayCall: (resource: string) => Promise<Decision>;
  /** What stands in the event as requestContext.authorizer. */
  readonly authorizer: object;
}

const Answer = z.object({
  statusCode: z.number(),
  headers: z.record(z.string(), z.coerce.string()).default({}),
  body: z.string().default(""),
  isBase64Encoded: z.boolean().default(false),
});

/**
 * Fetch for functions that call the gateway's API: the call goes to the function behind the API, in this process, when the role of the
 * caller is allowed it. The address is that of the templates, where nothing listens.
 */
export const gatewayFetch =
  (invoke: (event: object) => Promise<unknown>, { mayCall, authorizer }: Rights): typeof fetch =>
  async (input, init) => {
    const request = new Request(input, init);
    const { hostname, pathname, search, searchParams } = new URL(request.url);
    const [apiId = ""] = hostname.split(".");
    const path = pathname.replace(/^\/+/, "/");
    const resource = `arn:aws:execute-api:${REGION}:${ACCOUNT}:${apiId}/$default/${request.method}${path}`;
    const decision = await mayCall(resource);
    if (!decision.allowed) return Response.json({ message: `Forbidden: ${decision.why}` }, { status: 403 });
    const body = await request.text();
    const event = {
      version: "2.0",
      routeKey: "$default",
      rawPath: path,
      rawQueryString: search.slice(1),
      headers: { ...Object.fromEntries(request.headers), host: hostname },
      ...(search === "" ? {} : { queryStringParameters: Object.fromEntries(searchParams) }),
      requestContext: {
        accountId: ACCOUNT,
        apiId,
        domainName: hostname,
        domainPrefix: apiId,
        http: { method: request.method, path, protocol: "HTTP/1.1", sourceIp: "127.0.0.1", userAgent: "submitqueue" },
        requestId: randomUUID(),
        routeKey: "$default",
        stage: "$default",
        time: new Date().toISOString(),
        timeEpoch: Date.now(),
        authorizer,
      },
      ...(body === "" ? {} : { body }),
      isBase64Encoded: false,
    };
    const { statusCode, headers, body: text, isBase64Encoded } = Answer.parse(await invoke(event));
    return new Response(isBase64Encoded ? Buffer.from(text, "base64") : text, { status: statusCode, headers });
  };
