import { readFileSync } from "node:fs";
import { laptopSecretFile } from "../../client/github/app-secret.ts";
import { AwsError } from "./aws-error.ts";

export const SECRET_PREFIX = "SUBMITQUEUE_SECRET_";

/** The environment variable that stands for a secret: `SUBMITQUEUE_SECRET_` and its name, upper-cased, with `_` for what is not alphanumeric. */
export const secretVariable = (name: string): string =>
  `${SECRET_PREFIX}${name.toUpperCase().replace(/[^A-Z0-9]/g, "_")}`;

/**
 * GetSecretValue from environment variables, from the file that the variable with `_FILE` behind its name names, or from the file that
 * `submitqueue github create-app` keeps. Throws AwsError.
 */
export function answerSecret(operation: string, input: { SecretId?: unknown }, env: NodeJS.ProcessEnv): object {
  if (operation !== "GetSecretValue") throw new AwsError("UnknownOperationException", `${operation} is not known here`);
  const name = String(input.SecretId);
  const variable = secretVariable(name);
  const value = env[variable] ?? contentOf(env[`${variable}_FILE`]) ?? contentOf(laptopSecretFile(env, name));
  if (value === undefined)
    throw new AwsError(
      "ResourceNotFoundException",
      `there is no secret ${name}: set ${variable}_FILE to the path of a file that holds it, or set ${variable}, and start again`,
    );
  return { Name: name, ARN: name, VersionId: "local", VersionStages: ["AWSCURRENT"], SecretString: value };
}

/** Undefined for no file, and for one that can't be read. */
function contentOf(file: string | undefined): string | undefined {
  try {
    return file === undefined ? undefined : readFileSync(file, "utf8").trim();
  } catch {
    return undefined;
  }
}
