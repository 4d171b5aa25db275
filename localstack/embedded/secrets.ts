import { AwsError } from "./aws-error.ts";

/** The environment variable that stands for a secret: `SUBMITQUEUE_SECRET_` and its name, upper-cased, with `_` for what is not alphanumeric. */
export const secretVariable = (name: string): string =>
  `SUBMITQUEUE_SECRET_${name.toUpperCase().replace(/[^A-Z0-9]/g, "_")}`;

/** GetSecretValue from environment variables. Throws AwsError. */
export function answerSecret(operation: string, input: { SecretId?: unknown }, env: NodeJS.ProcessEnv): object {
  if (operation !== "GetSecretValue") throw new AwsError("UnknownOperationException", `${operation} is not known here`);
  const name = String(input.SecretId);
  const variable = secretVariable(name);
  const value = env[variable];
  if (value === undefined)
    throw new AwsError("ResourceNotFoundException", `there is no secret ${name}: set ${variable} and start again`);
  return { Name: name, ARN: name, VersionId: "local", VersionStages: ["AWSCURRENT"], SecretString: value };
}
