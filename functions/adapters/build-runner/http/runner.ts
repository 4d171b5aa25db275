import { CodedError } from "../../../contracts/errors.ts";
import type { BuildKey, GitSha } from "../../../contracts/ids.ts";
import { type EpochMs, epochMs } from "../../../contracts/time.ts";
import {
  type BuildId,
  type BuildName,
  type BuildRunner,
  type BuildStatus,
  MAX_MESSAGE,
  type Triggered,
} from "../build-runner.ts";
import { endOfText } from "../output.ts";
import type { Answer, Call, Outgoing } from "./guarded-call.ts";
import { failedTests } from "./junit.ts";
import { Callback, type Outcome, Started, Status, startMessage } from "./messages.ts";
import type { Signer } from "./signature.ts";

/** What is stored of a build of this runner. Each method is one call. */
export interface HttpBuilds {
  /** True when the build was asked to stop, started or not. */
  isStopped(build: BuildName): Promise<boolean>;
  outcomeOf(build: BuildName): Promise<Outcome | undefined>;
  /** Stores how the build ended, unless that is stored already. */
  settle(build: BuildName, outcome: Outcome): Promise<void>;
}

export interface HttpRunnerOptions {
  /** Where builds are started. */
  readonly address: URL;
  /** Where the CI system calls back. */
  readonly callbackUrl: string;
  readonly call: Call;
  readonly signer: () => Promise<Signer>;
  readonly builds: HttpBuilds;
  readonly now: () => EpochMs;
}

/** The answers of a CI system that takes no calls for now. */
const LIMITED: readonly number[] = [429, 503];

/** A time-out, a call that came too early, and a limit: the same call may be taken later. */
const TRY_AGAIN: readonly number[] = [408, 425, 429];

/** The answers that say that there is no such build, or that builds can't be asked for. */
const UNKNOWN: readonly number[] = [404, 405, 410];

/** The id of a build whose CI system has named no status URL. */
const NO_STATUS = "no-status";

/**
 * Builds in any CI system that speaks HTTP: a signed POST starts a build, a signed callback ends it, or its status URL does, DELETE stops it. A
 * trigger is one call and two reads of the mark of a stop; a status is a read, and a call where the CI system has named a status URL.
 */
export function httpRunner(options: HttpRunnerOptions): BuildRunner {
  const { builds, now } = options;
  const ask = asker(options);

  const stop = async (build: BuildId): Promise<void> => {
    const answer = await ask("DELETE", build, statusUrlOf(build) ?? defaultUrl(options.address, build));
    if ((answer.status >= 500 && answer.status !== 501) || TRY_AGAIN.includes(answer.status))
      throw unavailable(answer, now(), "stopping the build");
    // There is no URL to ask whether the build has stopped, and the CI system has answered the cancel.
    if (statusUrlOf(build) === undefined)
      await builds.settle(build, { result: "cancelled", message: "The build was cancelled." });
  };

  return {
    async trigger(task): Promise<Triggered> {
      if (task.id !== undefined) return { id: task.id };
      if (await builds.isStopped(task)) return {};
      const answer = await ask("POST", task, options.address, startMessage(task, options.callbackUrl));
      const { url, statusUrl } = startedBy(answer, options.address, now());
      const started = { id: statusUrl ?? NO_STATUS, ...(url === undefined ? {} : { url }) };
      // A stop that came between the mark's first read and the start found no build to stop.
      if (await builds.isStopped(task)) await stop({ ...task, id: started.id });
      return started;
    },

    async status(build): Promise<BuildStatus> {
      const known = await builds.outcomeOf(build);
      if (known !== undefined) return { kind: "finished", ...known };
      if (build.id === NO_STATUS) return { kind: "running" };
      const answer = await ask("GET", build, statusUrlOf(build) ?? defaultUrl(options.address, build));
      if (answer.status >= 200 && answer.status < 300) return statusIn(answer, now());
      // It says when to ask again: the build is there, and the next look asks.
      if (LIMITED.includes(answer.status) && answer.retryAfterSeconds !== undefined) return { kind: "running" };
      if (answer.status >= 500 || TRY_AGAIN.includes(answer.status))
        throw unavailable(answer, now(), "asking for the build");
      return untold(build, answer, await builds.isStopped(build));
    },

    async cancel(build) {
      if ((await builds.outcomeOf(build)) === undefined) await stop(build);
    },

    async report(body, headers) {
      const signer = await options.signer();
      if (!signer.verify(headers, body, now())) return undefined;
      const { data } = Callback.safeParse(parsed(Buffer.from(body).toString("utf8")));
      if (data === undefined) throw new CodedError("request.invalid", "This is no callback: see doc/howto/ci.md.");
      const arrivedAt = now();
      const ended = endOf(data, arrivedAt, Number(headers["webhook-timestamp"]) * 1_000) ?? arrivedAt;
      await builds.settle(data, { ...outcomeIn(data), endedAt: ended });
      return [data.key];
    },
  };
}

const statusUrlOf = ({ id }: BuildId): URL | undefined =>
  id === undefined || id === NO_STATUS ? undefined : new URL(id);

/** Where a build is stopped, and looked for, whose CI system has not said where. */
function defaultUrl(address: URL, { key, commit }: BuildName): URL {
  const url = new URL(address);
  url.pathname = `${url.pathname.replace(/\/$/, "")}/${nameOf({ key, commit })}`;
  return url;
}

/** One key with two commits names two builds. */
const nameOf = ({ key, commit }: { readonly key: BuildKey; readonly commit: GitSha }): string => `${key}-${commit}`;

type Ask = (method: Outgoing["method"], build: BuildName, url: URL, body?: string) => Promise<Answer>;

const asker =
  ({ call, signer, now }: HttpRunnerOptions): Ask =>
  async (method, build, url, body = "") => {
    const signed = (await signer()).sign(nameOf(build), body, now());
    const type = method === "POST" ? { "content-type": "application/json" } : {};
    return call({ method, url, headers: { ...signed, ...type, accept: "application/json" }, body });
  };

function startedBy(answer: Answer, address: URL, now: EpochMs) {
  const { status, body } = answer;
  if (status >= 500 || TRY_AGAIN.includes(status)) throw unavailable(answer, now, "starting a build");
  if (status < 200 || status >= 300)
    throw new CodedError(
      "config.invalid",
      `${address.origin} refuses to start a build (status ${status}${status >= 300 && status < 400 ? ", a redirect, which is not followed" : ""}): ${endOfText(body, 300)}`,
    );
  const { data } = Started.safeParse(body.trim() === "" ? {} : parsed(body));
  if (data === undefined)
    throw new CodedError("config.invalid", `${address.origin} answers a start with what is no { url?, statusUrl? }`);
  if (data.statusUrl !== undefined && new URL(data.statusUrl).origin !== address.origin)
    throw new CodedError(
      "config.invalid",
      `${address.origin} names a status URL of another origin: ${new URL(data.statusUrl).origin}`,
    );
  return data;
}

function statusIn({ body, date }: Answer, now: EpochMs): BuildStatus {
  const { data } = Status.safeParse(parsed(body));
  if (data === undefined)
    throw new CodedError("config.invalid", "the status URL answers what is no { result, message?, url? }");
  if (data.result === "running") return { kind: "running" };
  const endedAt = endOf(data, now, date ?? now);
  return { kind: "finished", ...outcomeIn(data), ...(endedAt === undefined ? {} : { endedAt }) };
}

/** Clocks that seem to differ by less are taken for one: their times have whole seconds, and what brought them took a while. */
const SAME_CLOCK_MS = 15_000;

/**
 * When a build ended, by the queue's clock and not after `now`. `theirs`: what the CI system's clock shows `now`. Undefined where the CI system
 * does not say. Example: a CI system whose clock is an hour ahead says 11:05, and its clock shows 11:10 at 10:10: the build ended at 10:05.
 */
function endOf({ endedAt }: Pick<Callback, "endedAt">, now: EpochMs, theirs: number): EpochMs | undefined {
  if (endedAt === undefined) return undefined;
  const behind = now - theirs;
  const end = Date.parse(endedAt) + (Math.abs(behind) < SAME_CLOCK_MS ? 0 : behind);
  return epochMs(Math.max(0, Math.min(end, now)));
}

function outcomeIn({ result, message = "", url, junit = "" }: Omit<Callback, "key" | "commit" | "endedAt">): Outcome {
  const tests = failedTests(junit);
  const said = [tests, endOfText(message, MAX_MESSAGE - tests.length)].filter((part) => part !== "").join("\n");
  const text = said === "" && result !== "passed" ? `The CI system says: ${result}.` : said;
  return { result, ...(text === "" ? {} : { message: text }), ...(url === undefined ? {} : { url }) };
}

/** The end of a build of which the CI system tells nothing. */
function untold({ id }: BuildId, { status }: Answer, stopped: boolean): BuildStatus {
  if (stopped && id === undefined)
    return {
      kind: "finished",
      result: "cancelled",
      message: "The build was cancelled before the CI system started it.",
    };
  const message = UNKNOWN.includes(status)
    ? "The CI system does not know the build."
    : `The CI system answers with status ${status} when the queue asks for the build.`;
  return { kind: "finished", result: "infrastructure", message };
}

const unavailable = ({ status, retryAfterSeconds }: Answer, now: EpochMs, doing: string): CodedError =>
  new CodedError("runner.unavailable", `${doing}: the CI system answers with status ${status}`, {
    detail: retryAfterSeconds === undefined ? {} : { retryAt: now + retryAfterSeconds * 1_000 },
  });

/** Undefined for what is no JSON; an empty body too. */
function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
