#!/usr/bin/env node
/** The command line of the package: without the simulator, which is no part of the package. */
import { enableCompileCache } from "node:module";
import { cacheDirectory } from "./cli/user-directories.ts";
import { makeDirectory } from "./make-directory.ts";

// A second command finds the code of the first compiled, and starts in half the time. Node's own place for it is shared by all users.
// Made first: Node itself would try for ever to make some directories, such as one below /proc.
const cache = cacheDirectory(process.env);
try {
  makeDirectory(cache, 0o700);
  enableCompileCache(cache);
} catch {
  // Without a cache, commands start more slowly.
}
const { runProcess } = await import("./cli/process.ts");

await runProcess();
