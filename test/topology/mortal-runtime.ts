// Runs the product in this process until it is killed: `node mortal-runtime.ts <state directory>`, which has the templates. Prints its URL.
import { flushCompileCache } from "node:module";
import { join } from "node:path";
import { startRuntime } from "../../localstack/embedded/runtime.ts";
import { readAssembly } from "../../localstack/embedded/template.ts";

const [stateDirectory = ""] = process.argv.slice(2);
const assembly = readAssembly(join(stateDirectory, "cdk.out"));
const { url } = await startRuntime({ assembly, stateDirectory, quiet: true });
// A process that is killed keeps nothing of what it has compiled, and the next start would compile it again.
flushCompileCache();
process.stdout.write(`${url}\n`);
