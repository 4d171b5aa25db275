import { randomBytes } from "node:crypto";
import type { IncomingMessage, ServerResponse } from "node:http";
import { text } from "node:stream/consumers";
import * as z from "zod";
import { appBody } from "./apps.ts";
import type { Identities } from "./identity.ts";
import { notFound, Refusal } from "./refusal.ts";
import { ok, type Routes } from "./routes.ts";
import type { HookConfig } from "./webhooks.ts";

/** An App manifest, as the form of GitHub's page takes it. */
const Manifest = z.object({
  name: z.string().min(1).max(34),
  url: z.url(),
  hook_attributes: z.object({ url: z.url(), active: z.boolean().default(true) }).optional(),
  redirect_url: z.url(),
  public: z.boolean().default(false),
  default_permissions: z.record(z.string(), z.enum(["read", "write", "admin"])).default({}),
  default_events: z.array(z.string()).default([]),
});
type Manifest = z.infer<typeof Manifest>;

const HOUR_MS = 3_600_000;

/** The two addresses of the page that takes a manifest: of a person, and of an organization. */
const PAGE = /^(\/organizations\/[\w.-]+)?\/settings\/apps\/new$/;

/**
 * Makes the App of a manifest. The page takes the manifest from a form, as though the person at the browser pressed "Create" at once, and
 * sends the browser on with a code. The code is good for an hour and for one conversion. The App that comes of it takes the place of the
 * fake's App, and is not installed.
 */
export class Manifests {
  readonly #identities: Identities;
  readonly #hook: HookConfig;
  readonly #now: () => number;
  readonly #codes = new Map<string, { readonly manifest: Manifest; readonly at: number }>();

  constructor(identities: Identities, hook: HookConfig, now: () => number) {
    this.#identities = identities;
    this.#hook = hook;
    this.#now = now;
  }

  isPage(path: string): boolean {
    return PAGE.test(path);
  }

  /** Sends the browser on, or shows it why GitHub refuses the manifest. */
  async answer(request: IncomingMessage, response: ServerResponse, state: string | null): Promise<void> {
    try {
      const form = new URLSearchParams(await text(request));
      response.writeHead(302, { location: this.#create(form, state) }).end();
    } catch (error) {
      if (!(error instanceof Refusal)) throw error;
      response.writeHead(error.status, { "content-type": "text/plain; charset=utf-8" }).end(error.message);
    }
  }

  /** Answers where the browser is sent to: `<redirect_url>?code=…&state=…`. Throws a refusal for a manifest that GitHub refuses. */
  #create(form: URLSearchParams, state: string | null): string {
    const manifest = Manifest.safeParse(jsonOf(form.get("manifest") ?? ""));
    if (!manifest.success) throw new Refusal(422, `Error: ${z.prettifyError(manifest.error)}`);
    const code = randomBytes(20).toString("hex");
    this.#codes.set(code, { manifest: manifest.data, at: this.#now() });
    const target = new URL(manifest.data.redirect_url);
    target.searchParams.set("code", code);
    if (state !== null) target.searchParams.set("state", state);
    return target.href;
  }

  get routes(): Routes {
    return {
      "post /app-manifests/{code}/conversions": {
        only: "anyone",
        answer: ({ params: { code = "" } }) => {
          const offered = this.#codes.get(code);
          this.#codes.delete(code);
          if (offered === undefined || this.#now() - offered.at > HOUR_MS) throw notFound();
          return ok(this.#convert(offered.manifest), 201);
        },
      },
    };
  }

  #convert({ name, url, hook_attributes: hook, default_permissions, default_events }: Manifest): object {
    const identities = this.#identities;
    const slug = name.toLowerCase().replaceAll(/[^a-z0-9]+/g, "-");
    const { id, installationId, privateKey } = identities.app;
    const webhookSecret = randomBytes(20).toString("hex");
    const clientId = `Iv23li${randomBytes(7).toString("hex")}`;
    identities.app = {
      id: id + 1,
      slug,
      name,
      clientId,
      installationId: installationId + 1,
      privateKey,
      webhookSecret,
    };
    identities.granted = { metadata: "read", ...default_permissions };
    identities.subscribed = default_events;
    identities.installation = "uninstalled";
    identities.revokeAll();
    this.#hook.url = hook?.active === true ? hook.url : "";
    this.#hook.secret = webhookSecret;
    return {
      ...appBody(identities, identities.app.id),
      external_url: url,
      client_secret: randomBytes(20).toString("hex"),
      webhook_secret: webhookSecret,
      pem: privateKey,
    };
  }
}

function jsonOf(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
