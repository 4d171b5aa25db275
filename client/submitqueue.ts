#!/usr/bin/env node
/** The command line of the package: without the simulator, which is no part of the package. */
import { enableCompileCache } from "node:module";
import { cacheDirectory } from "./cli/user-directories.ts";

// A second command finds the code of the first compiled, and starts in half the time. Node's own place for it is shared by all users.
enableCompileCache(cacheDirectory(process.env));
const { runProcess } = await import("./cli/process.ts");

await runProcess();
