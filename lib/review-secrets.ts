import type { QueuesConfig } from "../functions/contracts/queues.ts";

/** The names of the secrets that pull requests are read with. Empty where no queue lands any. */
export const reviewSecretsOf = ({ queues }: QueuesConfig): readonly string[] =>
  queues.flatMap(({ changeProvider }) =>
    changeProvider?.type === "github" ? (changeProvider.credentialsSecret ?? []) : [],
  );
