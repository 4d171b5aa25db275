import { runSimulator } from "./run-simulator.ts";

process.exitCode = await runSimulator(process.argv.slice(2), "npm run simulate --");
