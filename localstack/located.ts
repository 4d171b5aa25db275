import { dirname, resolve } from "node:path";
import type { QueuesConfig } from "../functions/contracts/queues.ts";
import { readQueuesFile } from "../lib/queues-file.ts";
import type { Target } from "../lib/settings.ts";

/** A queues.yaml that is fit for the target, with remotes that are relative to its directory made absolute. Throws QueuesFileError. */
export const readLocatedQueues = (file: string, target: Target): QueuesConfig =>
  locate(readQueuesFile(file, target), dirname(resolve(file)));

/** Queues with the remotes that are relative made relative to `base`. */
export const locate = ({ queues, ...rest }: QueuesConfig, base: string): QueuesConfig => ({
  ...rest,
  queues: queues.map(({ repository, ...queue }) => {
    const { remote } = repository;
    return {
      ...queue,
      repository: { ...repository, remote: /^\.\.?\//.test(remote) ? resolve(base, remote) : remote },
    };
  }),
});
