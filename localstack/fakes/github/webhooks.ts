import { createHmac, randomUUID } from "node:crypto";
import type { Described } from "./description/described.ts";
import { notFound } from "./refusal.ts";
import { ok, type Routes } from "./routes.ts";
import { timestamp } from "./state.ts";

/** Where the App's webhooks go. An App without an address, or with an inactive webhook, is sent none. */
export interface HookConfig {
  url: string;
  secret: string;
}

export interface Delivery {
  readonly id: number;
  readonly guid: string;
  readonly event: string;
  readonly action: string | null;
  readonly redelivery: boolean;
  readonly deliveredAt: number;
  readonly repositoryId: number | null;
  readonly payload: object;
  status: string;
  statusCode: number;
  durationMs: number;
  response: string | null;
}

interface WebhooksOptions {
  readonly described: Described;
  readonly now: () => number;
  readonly nextId: () => number;
  readonly installationId: () => number;
  readonly secret: string;
  /** The events that the App is subscribed to. */
  readonly subscribed: () => readonly string[];
  /** Told of a payload that GitHub would not send. */
  readonly violated: (problems: readonly string[]) => void;
}

const PATIENCE_MS = 10_000;
/** For so long a delivery can be listed, and sent again. */
const KEPT_MS = 3 * 24 * 3_600_000;

/** What every App is sent, subscribed or not. */
const ALWAYS: readonly string[] = ["ping", "installation", "installation_repositories", "github_app_authorization"];

/** The App's webhook: signed, delivered once, never retried. Each delivery is kept, and can be sent again. */
export class Webhooks {
  readonly config: HookConfig;
  readonly deliveries: Delivery[] = [];
  /** While true nothing reaches the receiver, as when its address is wrong. */
  lost = false;
  readonly #options: WebhooksOptions;
  readonly #underWay = new Set<Promise<void>>();

  constructor(options: WebhooksOptions) {
    this.#options = options;
    this.config = { url: "", secret: options.secret };
  }

  /** Sends a payload, completed by the description. `event` as `check_run.completed`, or `push`. Does not wait for the answer. */
  send(event: string, payload: object, repositoryId: number | null): object {
    const { described, violated, installationId, subscribed } = this.#options;
    const [name = "", action] = event.split(".");
    const whole = described.completePayload(event, {
      ...(action === undefined ? {} : { action }),
      installation: { id: installationId() },
      ...payload,
    });
    violated(described.problemsOfPayload(event, whole));
    if (this.config.url !== "" && [...ALWAYS, ...subscribed()].includes(name))
      this.#deliver({
        event: name,
        action: action ?? null,
        guid: randomUUID(),
        payload: whole,
        repositoryId,
        redelivery: false,
      });
    return whole;
  }

  /** Resolves when no delivery is under way. */
  async idle(): Promise<void> {
    while (this.#underWay.size > 0) await Promise.all(this.#underWay);
  }

  get routes(): Routes {
    const kept = () => this.deliveries.filter(({ deliveredAt }) => deliveredAt > this.#options.now() - KEPT_MS);
    const deliveryOf = (id: string | undefined): Delivery => {
      const found = kept().find((one) => String(one.id) === id);
      if (found === undefined) throw notFound();
      return found;
    };
    return {
      "get /app/hook/config": {
        only: "jwt",
        answer: () => ok({ url: this.config.url, content_type: "json", insecure_ssl: "0", secret: "********" }),
      },
      "patch /app/hook/config": {
        only: "jwt",
        answer: ({ body }) => {
          this.config.url = body.url ?? this.config.url;
          this.config.secret = body.secret ?? this.config.secret;
          return ok({ url: this.config.url, content_type: "json", insecure_ssl: "0", secret: "********" });
        },
      },
      "get /app/hook/deliveries": {
        only: "jwt",
        answer: ({ query }) => {
          const newest = kept().toReversed();
          const cursor = query.get("cursor");
          const from = cursor === null ? 0 : newest.findIndex(({ id }) => `v1_${id}` === cursor);
          const until = from + Number(query.get("per_page") ?? 30);
          const next = newest[until];
          const page = ok(newest.slice(from, until).map((one) => this.#item(one)));
          const address = `https://api.github.com/app/hook/deliveries?per_page=${until - from}&cursor=v1_${next?.id}`;
          return next === undefined ? page : { ...page, headers: { link: `<${address}>; rel="next"` } };
        },
      },
      "get /app/hook/deliveries/{delivery_id}": {
        only: "jwt",
        answer: ({ params }) => {
          const found = deliveryOf(params["delivery_id"]);
          return ok({
            ...this.#item(found),
            url: this.config.url,
            request: { headers: {}, payload: found.payload },
            response: { headers: {}, payload: found.response },
          });
        },
      },
      "post /app/hook/deliveries/{delivery_id}/attempts": {
        only: "jwt",
        answer: ({ params }) => {
          const { event, action, guid, payload, repositoryId } = deliveryOf(params["delivery_id"]);
          this.#deliver({ event, action, guid, payload, repositoryId, redelivery: true });
          return ok({}, 202);
        },
      },
    };
  }

  #item({
    id,
    guid,
    event,
    action,
    redelivery,
    deliveredAt,
    durationMs,
    status,
    statusCode,
    repositoryId,
  }: Delivery): object {
    const { installationId } = this.#options;
    return {
      id,
      guid,
      delivered_at: timestamp(deliveredAt),
      redelivery,
      duration: durationMs / 1_000,
      status,
      status_code: statusCode,
      event,
      action,
      installation_id: installationId(),
      repository_id: repositoryId,
    };
  }

  #deliver(sent: Pick<Delivery, "event" | "action" | "guid" | "payload" | "repositoryId" | "redelivery">): void {
    const { nextId, now } = this.#options;
    const delivery: Delivery = {
      ...sent,
      id: nextId(),
      deliveredAt: now(),
      status: "pending",
      statusCode: 0,
      durationMs: 0,
      response: null,
    };
    this.deliveries.push(delivery);
    const work = this.#post(delivery).finally(() => this.#underWay.delete(work));
    this.#underWay.add(work);
  }

  async #post(delivery: Delivery): Promise<void> {
    const body = JSON.stringify(delivery.payload);
    const began = performance.now();
    const headers = {
      "content-type": "application/json",
      "user-agent": "GitHub-Hookshot/fake",
      "x-github-event": delivery.event,
      "x-github-delivery": delivery.guid,
      "x-github-hook-id": "1",
      "x-hub-signature-256": `sha256=${createHmac("sha256", this.config.secret).update(body).digest("hex")}`,
    };
    try {
      if (this.lost) throw new Error("nothing reaches the receiver");
      const answer = await fetch(this.config.url, {
        method: "POST",
        headers,
        body,
        redirect: "manual",
        signal: AbortSignal.timeout(PATIENCE_MS),
      });
      delivery.statusCode = answer.status;
      delivery.status = answer.ok ? "OK" : `Invalid HTTP Response: ${answer.status}`;
      delivery.response = (await answer.text()).slice(0, 1_000);
    } catch (error) {
      delivery.status =
        error instanceof Error && error.name === "TimeoutError" ? "timed out" : "failed to connect to host";
      delivery.statusCode = delivery.status === "timed out" ? 504 : 502;
    }
    delivery.durationMs = performance.now() - began;
  }
}
