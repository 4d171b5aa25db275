// Runs before each test file, also in a process that has run others (`setupFiles` in vitest.config.ts).
import { startProcessesBy } from "../../functions/adapters/processes.ts";
import { processHelper } from "../../localstack/process-helper/index.ts";
import { registerCleanup } from "./cleanup.ts";
import { registerJitter } from "./jitter.ts";

// A worker is large, and would stop for each git process that it started itself.
startProcessesBy(processHelper);

registerCleanup();
registerJitter();
