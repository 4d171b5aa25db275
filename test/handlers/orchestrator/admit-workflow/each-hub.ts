import type { SecretsManagerClient } from "@aws-sdk/client-secrets-manager";
import { afterAll, beforeAll, beforeEach } from "vitest";
import { GitHubWorld } from "../../github/world.ts";
import { withWorld, world } from "../each-world.ts";

/** The GitHub of the file that runs. */
export let hub: GitHubWorld;

/** Gives each test of the file a world of its own, which has the secret of the App at the file's one GitHub. */
export function withHub(): void {
  withWorld();
  beforeAll(async () => {
    hub = await GitHubWorld.start();
  });
  afterAll(() => hub.stop());
  beforeEach(() => {
    const { id: appId, privateKey } = hub.github.identities.app;
    const send = async () => ({ SecretString: JSON.stringify({ appId, privateKey }) });
    world.clients = { ...world.clients, secrets: { send } as unknown as SecretsManagerClient };
  });
}
