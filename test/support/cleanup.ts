import { afterAll, afterEach, vi } from "vitest";

/** What tests have to undo lives longer than a file's modules: files of a room share one process. */
const steps: (() => unknown)[] = [];

/** Undoes something after the test that runs; within `beforeAll`, after the first test. The newest step comes first. */
export function afterTest(step: () => unknown): void {
  steps.push(step);
}

/** Leaves the process as the next file has to find it. Called once for each file. */
export function registerCleanup(): void {
  afterEach(async () => {
    for (let step = steps.pop(); step !== undefined; step = steps.pop()) await step();
  });
  afterAll(() => {
    vi.unstubAllEnvs();
    vi.useRealTimers();
  });
}
