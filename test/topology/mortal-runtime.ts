// Runs the product in this process until it is killed: `node mortal-runtime.ts <state directory> <queues as JSON>`. Prints its URL.
import { existsSync } from "node:fs";
import { join } from "node:path";
import { QueuesConfig } from "../../functions/contracts/queues.ts";
import { startRuntime } from "../../localstack/embedded/runtime.ts";
import { readAssembly } from "../../localstack/embedded/template.ts";

const [stateDirectory = "", queues = ""] = process.argv.slice(2);
// To synthesize again what was synthesized by the start before takes seconds and gives the same.
const synthesized = join(stateDirectory, "cdk.out");
const stacks = existsSync(join(synthesized, "manifest.json"))
  ? { assembly: readAssembly(synthesized) }
  : { queues: QueuesConfig.parse(JSON.parse(queues)) };
const { url } = await startRuntime({ ...stacks, stateDirectory, quiet: true });
process.stdout.write(`${url}\n`);
