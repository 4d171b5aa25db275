import { startProcessesBy } from "../../functions/adapters/processes.ts";
import { processHelper } from "../../localstack/process-helper/index.ts";

// A test's process is large, and starts git often.
startProcessesBy(processHelper);
