import { Worker } from "node:worker_threads";
import type { Job, JobResult } from "./job.ts";

/** Runs the jobs on `threads` threads. The results are in the order of the jobs. `done` gets the number of finished jobs. */
export async function runAll(
  jobs: readonly Job[],
  threads: number,
  done: (count: number) => void = () => {},
): Promise<JobResult[]> {
  const results: JobResult[] = [];
  const left = jobs.entries();
  let finished = 0;
  const work = async () => {
    const worker = new Worker(new URL("./simulation-worker.ts", import.meta.url));
    try {
      for (const [index, job] of left) {
        results[index] = await ask(worker, job);
        done(++finished);
      }
    } finally {
      await worker.terminate();
    }
  };
  await Promise.all(Array.from({ length: Math.max(1, Math.min(threads, jobs.length)) }, work));
  return results;
}

const ask = (worker: Worker, job: Job): Promise<JobResult> => {
  const { promise, resolve, reject } = Promise.withResolvers<JobResult>();
  worker.once("message", resolve);
  worker.once("error", reject);
  worker.postMessage(job);
  return promise.finally(() => {
    worker.off("message", resolve);
    worker.off("error", reject);
  });
};
