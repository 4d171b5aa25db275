import type { BuildId } from "../../../adapters/build-runner/build-runner.ts";
import type { Build } from "../../../adapters/dynamodb/builds-store.ts";

/** What a runner knows a build by. */
export const namesOf = ({ buildKey, composed, startedAt, id }: Build): BuildId => ({
  key: buildKey,
  commit: composed.commit,
  askedAt: startedAt,
  ...(id === undefined ? {} : { id }),
});
