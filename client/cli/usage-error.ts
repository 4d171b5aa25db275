import { portProblem } from "../listening.ts";

/** The command line makes no sense as it stands: the message says what would. Exit code 2. */
export class UsageError extends Error {
  override readonly name = "UsageError";
}

/** For the errors of a server on a port that the command line names. Throws UsageError when another port mends it, else the error itself. */
export const portRefused =
  (port: number) =>
  (error: unknown): never => {
    const problem = portProblem(error, port);
    throw problem === undefined ? error : new UsageError(problem);
  };
