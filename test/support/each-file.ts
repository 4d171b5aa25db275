// Runs before each test file, also in a process that has run others (`setupFiles` in vitest.config.ts).
import { registerCleanup } from "./cleanup.ts";

registerCleanup();
