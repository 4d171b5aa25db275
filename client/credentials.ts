import type { Credentials } from "./sign.ts";

/** Credentials by the AWS SDK's chain: environment, configuration files, SSO, roles of the machine. Throws when there are none. */
export async function sdkCredentials(): Promise<Credentials> {
  // Only when calls are signed: the chain takes a while to load.
  const { fromNodeProviderChain } = await import("@aws-sdk/credential-providers");
  return fromNodeProviderChain()();
}
