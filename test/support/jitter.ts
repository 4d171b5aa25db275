import { Server } from "node:http";
import { setTimeout as pause } from "node:timers/promises";
import { DynamoDBClient } from "@aws-sdk/client-dynamodb";
import { CodedError } from "../../functions/contracts/errors.ts";
import { seeded } from "../../localstack/demo/random.ts";
import type { Observer } from "../../localstack/embedded/observer.ts";
import { processHelper } from "../../localstack/process-helper/index.ts";

/** The seed of random times for all that the product promises no time for. Undefined without JITTER=<seed>: nothing is late then. */
const seed = process.env["JITTER"];

/** How often one thing in a hundred waits for a moment, and for long. What is slow is slow each time, as a service with a bad day. */
interface Pace {
  readonly draw: () => number;
  readonly often: number;
}
const paces = new Map<string, Pace>();

function paceOf(what: string): Pace {
  const known = paces.get(what);
  if (known !== undefined) return known;
  const draw = seeded([...`${seed}/${what}`].reduce((hash, letter) => Math.imul(hash, 31) + letter.charCodeAt(0), 7));
  const pace = { draw, often: draw() < 0.3 ? 0.7 : 0.2 };
  paces.set(what, pace);
  return pace;
}

/** Waits: mostly not at all, often for up to 200 ms, now and then for up to two seconds. */
async function jitter(what: string, share = 1): Promise<void> {
  const { draw, often } = paceOf(what);
  const [chance, length] = [draw() / share, draw()];
  if (chance < often) await pause(chance < 0.02 ? 2_000 * length : 200 * length);
}

/** Functions that a standard queue feeds: what they could not be started for comes again, later than what was sent after it. */
const REFUSED = /\/(log|look|report)$/;

async function before(functionId: string): Promise<void> {
  await jitter(functionId);
  if (REFUSED.test(functionId) && paceOf(`${functionId} is refused`).draw() < 0.1)
    throw new CodedError("store.unavailable", "refused by the jitter");
}

const SILENT: Observer = { invocation: () => () => {}, call: () => {}, transition: () => {} };

/** The observer, by which functions start late. The observer itself without JITTER. */
export function jittery(observer?: Observer): { readonly observer?: Observer } {
  if (seed === undefined) return observer === undefined ? {} : { observer };
  return { observer: { ...(observer ?? SILENT), before } };
}

/** Has every HTTP server, every AWS client and every program that the process helper starts be late. */
export function registerJitter(): void {
  if (seed === undefined || paces.has("registered")) return;
  paceOf("registered");
  const emit: (this: Server, name: string, ...args: unknown[]) => boolean = Server.prototype.emit;
  Server.prototype.emit = function (name: string, ...args: unknown[]): boolean {
    if (name !== "request") return emit.call(this, name, ...args);
    void jitter("HTTP", 0.5).then(() => emit.call(this, name, ...args));
    return true;
  };
  const run = processHelper.run.bind(processHelper);
  processHelper.run = async (call) => {
    await jitter("program", 0.3);
    const end = await run(call);
    await jitter("end of a program", 0.3);
    return end;
  };
  // The SDK's Client, which all clients extend.
  const client = Object.getPrototypeOf(DynamoDBClient.prototype) as { send(...args: unknown[]): Promise<unknown> };
  const { send } = client;
  client.send = async function (...args) {
    await jitter(`call of ${this.constructor.name}`, 0.1);
    return send.apply(this, args);
  };
}
