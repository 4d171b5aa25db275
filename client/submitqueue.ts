#!/usr/bin/env node
/** The command line of the package: without the simulator, which is no part of the package. */
import { runProcess } from "./cli/process.ts";

await runProcess();
