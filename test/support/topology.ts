import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { QueuesConfig } from "../../functions/contracts/queues.ts";
import { type Runtime, type RuntimeOptions, startRuntime } from "../../localstack/embedded/runtime.ts";
import { synthesizeHere as synthesize } from "../../localstack/embedded/synthesize.ts";
import { Lane } from "../topology/lane.ts";
import { aRemote, type Remote } from "../topology/remote.ts";
import { jittery } from "./jitter.ts";

/** Every field of a QueueConfig, without its name and repository. */
export type QueueOptions = Readonly<Record<string, unknown>>;

/** Says of each build that it passed, unless a marker says otherwise. */
export const FAKE = { buildRunner: { type: "fake", pollSeconds: 1 } };

/** A queue onto a repository of its own. */
export interface Place {
  readonly lane: Lane;
  readonly remote: Remote;
}

/** The whole product, running: the synthesized stacks in this process, and a real repository for each queue. */
export interface Topology {
  readonly runtime: Runtime;
  readonly url: string;
  readonly stateDirectory: string;
  at(queue: string): Place;
  stop(): Promise<void>;
}

/** Starts it. Queues by name; each repository starts with `files`. */
export async function startTopology(
  queues: Readonly<Record<string, QueueOptions>>,
  files: Readonly<Record<string, string>> = { "README.md": "A project\n" },
  options: Pick<RuntimeOptions, "observer" | "schedulesEveryMs" | "synthesize"> = {},
): Promise<Topology> {
  const home = await mkdtemp(join(tmpdir(), "submitqueue-topology-"));
  const remotes = new Map<string, Remote>();
  for (const name of Object.keys(queues)) remotes.set(name, await aRemote(home, name, files));
  const config = Object.entries(queues).map(([name, options]) => ({
    name,
    repository: { remote: remotes.get(name)?.path },
    ...options,
  }));
  const stateDirectory = join(home, "state");
  const parsed = QueuesConfig.parse({ queues: config });
  const observed = { ...options, ...jittery(options.observer) };
  const runtime = await startRuntime({ synthesize, ...observed, queues: parsed, stateDirectory, quiet: true });
  const { url = "" } = runtime;
  return {
    runtime,
    url,
    stateDirectory,
    at: (queue) => {
      const remote = remotes.get(queue);
      if (remote === undefined) throw new Error(`no queue is named ${queue}`);
      return { lane: new Lane(url, queue), remote };
    },
    stop: async () => {
      await runtime.stop();
      await rm(home, { recursive: true, force: true, maxRetries: 10 });
    },
  };
}
