import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import type { SecretsManagerClient } from "@aws-sdk/client-secrets-manager";
import { GitHubAppCredentials } from "../../functions/contracts/github-app.ts";
import { configDirectory, type Environment } from "../cli/user-directories.ts";
import { writePrivately } from "../private-file.ts";

/** Where an App's private key and webhook secret are kept. */
export interface AppSecret {
  /** For people: `secret submitqueue/github of AWS Secrets Manager in eu-west-1`. */
  readonly place: string;
  isThere(): Promise<boolean>;
  /** Undefined when there is none. */
  read(): Promise<string | undefined>;
  write(text: string): Promise<void>;
}

/**
 * Where the embedded runtime looks for a secret that no variable names: `$XDG_CONFIG_HOME/submitqueue/secrets/`, or the same below ~/.config.
 * Example: `submitqueue/github` is the file `submitqueue_github`.
 */
export const laptopSecretFile = (environment: Environment, name: string): string =>
  join(configDirectory(environment), "secrets", name.replaceAll(/[^A-Za-z0-9.-]/g, "_"));

/** A file that no other user of this machine can read. */
export function laptopSecret(environment: Environment, name: string): AppSecret {
  const file = laptopSecretFile(environment, name);
  return {
    place: file,
    isThere: async () => existsSync(file),
    read: async () => (existsSync(file) ? readFileSync(file, "utf8") : undefined),
    write: async (text) => writePrivately(file, text),
  };
}

const isMissing = (error: unknown): boolean => error instanceof Error && error.name === "ResourceNotFoundException";

/** A secret of AWS Secrets Manager, with the caller's AWS credentials. */
export function awsSecret(name: string, client: () => Promise<SecretsManagerClient>): AppSecret {
  const sdk = () => import("@aws-sdk/client-secrets-manager");
  const describe = async () => {
    const { DescribeSecretCommand } = await sdk();
    try {
      return await (await client()).send(new DescribeSecretCommand({ SecretId: name }));
    } catch (error) {
      if (isMissing(error)) return undefined;
      throw error;
    }
  };
  return {
    place: `secret ${name} of AWS Secrets Manager`,
    isThere: async () => (await describe()) !== undefined,
    read: async () => {
      const { GetSecretValueCommand } = await sdk();
      try {
        return (await (await client()).send(new GetSecretValueCommand({ SecretId: name }))).SecretString;
      } catch (error) {
        if (isMissing(error)) return undefined;
        throw error;
      }
    },
    write: async (text) => {
      const { CreateSecretCommand, PutSecretValueCommand } = await sdk();
      const there = await describe();
      const Description = "The GitHub App of Submitqueue: its id, private key and webhook secret";
      await (await client()).send(
        there === undefined
          ? new CreateSecretCommand({ Name: name, SecretString: text, Description })
          : (new PutSecretValueCommand({ SecretId: name, SecretString: text }) as never),
      );
    },
  };
}

/** The App that a secret holds. Undefined for a text that holds none. */
export function appIn(text: string): GitHubAppCredentials | undefined {
  try {
    return GitHubAppCredentials.safeParse(JSON.parse(text)).data;
  } catch {
    return undefined;
  }
}
