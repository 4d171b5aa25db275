import { existsSync } from "node:fs";
import { chmod, mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { eventually } from "./lane.ts";
import type { Remote } from "./remote.ts";

/** A hook that holds back every push that moves the trunk, until it is opened. */
export interface Gate {
  /** Returns when a push of the trunk is held back. */
  reached(): Promise<void>;
  open(): Promise<void>;
}

export async function aGateAt({ path }: Remote): Promise<Gate> {
  const [waiting, opened, hook] = [join(path, "waiting"), join(path, "opened"), join(path, "hooks", "pre-receive")];
  await mkdir(join(path, "hooks"), { recursive: true });
  const wait = `: > ${waiting}\nuntil [ -e ${opened} ]; do sleep 0.02; done\n`;
  await writeFile(hook, `#!/bin/sh\ngrep -q ' refs/heads/main$' || exit 0\n${wait}`);
  await chmod(hook, 0o755);
  const isReached = async () => existsSync(waiting);
  return {
    reached: async () => {
      await eventually("a push of the trunk is held back", isReached, (there) => there, { everyMs: 5 });
    },
    open: () => writeFile(opened, ""),
  };
}
