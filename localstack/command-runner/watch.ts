import { existsSync, type FSWatcher, watch } from "node:fs";
import { basename } from "node:path";
import type { BuildFiles } from "./build-files.ts";

const watching = new Map<string, FSWatcher>();

/**
 * Calls `onEnd` once the build has a verdict, and at once when it has one already. A build whose supervisor was killed has none: the next
 * call of `status` finds that. Keeps no process alive; the second watch of a build does nothing.
 */
export function watchForEnd({ directory, verdict }: BuildFiles, onEnd: () => void): void {
  if (watching.has(directory)) return;
  const watcher = watch(directory, { persistent: false });
  watching.set(directory, watcher);
  const close = () => {
    watching.delete(directory);
    watcher.close();
  };
  const look = () => {
    if (!existsSync(verdict) || watching.get(directory) !== watcher) return;
    close();
    onEnd();
  };
  watcher.on("change", (_, name) => (name === basename(verdict) ? look() : undefined));
  // Its directory was removed, or the system has no watch left: the build is seen to end at its next poll.
  watcher.on("error", close);
  look();
}
