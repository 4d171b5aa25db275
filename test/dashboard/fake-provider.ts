import { createHash, randomUUID } from "node:crypto";
import { once } from "node:events";
import { createServer, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { text } from "node:stream/consumers";

/** An OpenID provider that lets every user in at once, and holds the page to RFC 7636. */
export class FakeProvider {
  readonly issuer: string;
  /** What was asked for at the authorization endpoint. */
  readonly asked: URLSearchParams[] = [];
  /** The access token that it gives. */
  accessToken = "header.claims.signature";
  /** What it refuses a log-in with. */
  refuses: string | undefined;
  readonly #server: ReturnType<typeof createServer>;
  readonly #challenges = new Map<string, string>();

  private constructor(issuer: string, server: ReturnType<typeof createServer>) {
    this.issuer = issuer;
    this.#server = server;
  }

  static async start(): Promise<FakeProvider> {
    const server = createServer(async (request, response) => {
      response.setHeader("access-control-allow-origin", "*");
      const url = new URL(request.url ?? "/", provider.issuer);
      if (url.pathname === "/token") provider.#redeem(new URLSearchParams(await text(request)), response);
      else if (url.pathname === "/authorize") provider.#authorize(url.searchParams, response);
      else
        answer(response, 200, {
          issuer: provider.issuer,
          authorization_endpoint: `${provider.issuer}/authorize`,
          token_endpoint: `${provider.issuer}/token`,
        });
    });
    server.listen(0, "127.0.0.1");
    await once(server, "listening");
    const provider: FakeProvider = new FakeProvider(
      `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
      server,
    );
    return provider;
  }

  async stop(): Promise<void> {
    this.#server.close();
    this.#server.closeAllConnections();
  }

  #authorize(query: URLSearchParams, response: ServerResponse): void {
    this.asked.push(query);
    const back = new URL(query.get("redirect_uri") ?? "");
    back.searchParams.set("state", query.get("state") ?? "");
    if (this.refuses !== undefined) back.searchParams.set("error", this.refuses);
    else {
      const code = randomUUID();
      this.#challenges.set(code, query.get("code_challenge") ?? "");
      back.searchParams.set("code", code);
    }
    response.writeHead(302, { location: back.href }).end();
  }

  #redeem(form: URLSearchParams, response: ServerResponse): void {
    const code = form.get("code") ?? "";
    const challenge = createHash("sha256")
      .update(form.get("code_verifier") ?? "")
      .digest("base64url");
    const isRight = this.#challenges.get(code) === challenge;
    this.#challenges.delete(code);
    if (isRight)
      answer(response, 200, { access_token: this.accessToken, id_token: "id.claims.signature", token_type: "Bearer" });
    else answer(response, 400, { error: "invalid_grant" });
  }
}

function answer(response: ServerResponse, status: number, body: object): void {
  response.writeHead(status, { "content-type": "application/json" }).end(JSON.stringify(body));
}
