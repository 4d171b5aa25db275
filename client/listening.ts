/**
 * Why a server could not take its port, and what to do, as a sentence. Undefined for any other error.
 * Example: `Port 80 of 127.0.0.1 is taken: name another with --port.`
 */
export function portProblem(error: unknown, port: number): string | undefined {
  if (!(error instanceof Error && "syscall" in error && error.syscall === "listen" && "code" in error))
    return undefined;
  if (error.code === "EADDRINUSE") return `Port ${port} of 127.0.0.1 is taken: name another with --port.`;
  if (error.code === "EACCES")
    return `Port ${port} is kept for the administrators of this machine: name one above 1023 with --port.`;
  return undefined;
}
