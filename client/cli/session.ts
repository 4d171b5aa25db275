import type { QueueView } from "../../functions/contracts/api/queue-views.ts";
import { QueueName, RequestNumber, Sqid } from "../../functions/contracts/ids.ts";
import { Client, type QueueClient } from "../client.ts";
import { sdkCredentials } from "../credentials.ts";
import { regionIn, signedFetch } from "../sign.ts";
import { git, repositoryName } from "./git.ts";
import { resolveSettings, type Setting, type SettingName, type Settings } from "./settings.ts";
import type { Simulator } from "./simulator-port.ts";
import type { Terminal } from "./terminal.ts";
import { UsageError } from "./usage-error.ts";
import type { Environment } from "./user-directories.ts";

/** What the process gives a command. */
export interface Surroundings {
  readonly terminal: Terminal;
  readonly environment: Environment;
  /** Aborts on Ctrl-C. */
  readonly interrupted: AbortSignal;
  readonly simulator?: Simulator;
}

export interface GlobalFlags extends Settings {
  readonly json?: boolean;
}

/** One run of the command line: its settings, and the client that they lead to. */
export class Session {
  readonly terminal: Terminal;
  readonly interrupted: AbortSignal;
  readonly json: boolean;
  readonly settings: Readonly<Partial<Record<SettingName, Setting>>>;
  readonly client: Client;
  #queue: Promise<QueueClient> | undefined;

  /** Throws UsageError. */
  constructor({ terminal, environment, interrupted }: Surroundings, { json = false, ...flags }: GlobalFlags) {
    this.terminal = terminal;
    this.interrupted = interrupted;
    this.json = json;
    this.settings = resolveSettings(flags, environment);
    const token = this.settings.token?.value;
    this.client = new Client({
      url: this.url,
      signal: interrupted,
      ...(this.isSigned ? { fetch: signedFetch({ credentials: sdkCredentials }) } : {}),
      headers: token === undefined ? {} : { authorization: `Bearer ${token}` },
    });
  }

  /** True when calls are signed with AWS credentials: as the settings say; by default when there is no token and the address is of API Gateway. */
  get isSigned(): boolean {
    const { auth: { value: auth } = {}, token } = this.settings;
    const url = new URL(this.url);
    const isGateway = url.protocol === "https:" && regionIn(url) !== undefined;
    return auth === "iam" || (auth === undefined && token === undefined && isGateway);
  }

  get url(): string {
    return this.settings.url?.value ?? "";
  }

  /**
   * The queue of the settings; else the only one; else the one that lands onto this checkout's remote. Throws UsageError. Without a setting, one
   * call and one process of git, once: an agent's session asks again after a failure.
   */
  queue(): Promise<QueueClient> {
    this.#queue ??= this.#findQueue().catch((error: unknown) => {
      this.#queue = undefined;
      throw error;
    });
    return this.#queue;
  }

  async #findQueue(): Promise<QueueClient> {
    const named = this.settings.queue;
    if (named !== undefined) {
      if (!QueueName.safeParse(named.value).success)
        throw new UsageError(`${named.source}: ${named.value} is not the name of a queue.`);
      return this.client.queue(named.value);
    }
    const queues = await this.client.queues();
    const [only, ...more] = queues.length === 1 ? queues : await ofThisCheckout(queues);
    if (only !== undefined && more.length === 0) return this.client.queue(only.name);
    throw new UsageError(`Which queue? Say --queue NAME, of: ${queues.map(({ name }) => name).join(", ")}.`);
  }

  /** A request as typed: `main/17`, or `17` of the settings' queue. Throws UsageError. */
  async request(text: string): Promise<{ readonly queue: QueueClient; readonly number: number }> {
    const sqid = Sqid.safeParse(text);
    if (sqid.success) {
      const [name = "", number] = sqid.data.split("/");
      return { queue: this.client.queue(name), number: Number(number) };
    }
    const number = RequestNumber.safeParse(/^[0-9]+$/.test(text) ? Number(text) : undefined);
    if (!number.success) throw new UsageError(`${text} is no request: write its number, as 17, or its id, as main/17.`);
    return { queue: await this.queue(), number: number.data };
  }

  /** Prints a document as JSON under `--json`, else what `lines` make of it. */
  show(document: unknown, lines: () => string): void {
    this.terminal.out(`${this.json ? JSON.stringify(document, null, 2) : lines()}\n`);
  }
}

async function ofThisCheckout(queues: readonly QueueView[]): Promise<readonly QueueView[]> {
  const remote = await git("remote", "get-url", "origin");
  const here = remote === undefined ? undefined : repositoryName(remote);
  if (here === undefined) return [];
  return queues.filter(({ repository }) => {
    const there = repositoryName(repository);
    return there?.host === here.host && there.path === here.path;
  });
}
