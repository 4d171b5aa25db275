import type { Credentials } from "./sign.ts";

let chain: Promise<() => Promise<Credentials>> | undefined;

/**
 * Credentials by the AWS SDK's chain: environment, configuration files, SSO, roles of the machine. The chain is made once, and keeps
 * credentials until shortly before they run out. Throws when there are none.
 */
export async function sdkCredentials(): Promise<Credentials> {
  // Only when calls are signed: the chain takes a while to load.
  chain ??= import("@aws-sdk/credential-providers").then(({ fromNodeProviderChain }) => fromNodeProviderChain());
  return (await chain)();
}
