import { spawn } from "node:child_process";
import { once } from "node:events";
import { connect, createServer } from "node:net";

/** For how long this process looks at nothing, again and again. A quick build is over in that time. */
const BUSY_MS = 500;

/**
 * Makes this process as busy as a runtime that works through calls while git processes of its own end: it answers a connection, blocks
 * in each answer, and starts processes that end at once. Node.js then notices the end of a process before it reads what the process
 * has said. Returns what stops it.
 */
export async function keepBusy(): Promise<() => void> {
  let stopped = false;
  // Either end may still write when the other is gone: that is how this ends.
  const gone = () => undefined;
  const server = createServer((socket) => socket.on("error", gone).pipe(socket)).listen(0, "127.0.0.1");
  await once(server, "listening");
  const address = server.address();
  const client = connect({ port: typeof address === "object" && address !== null ? address.port : 0 });
  client.on("error", gone);
  client.on("data", (data) => {
    Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, BUSY_MS);
    if (!stopped) client.write(data);
  });
  client.write("x");
  const startNext = (seconds: number): void => {
    if (!stopped) spawn("sleep", [String(seconds)]).once("exit", () => startNext(seconds));
  };
  for (const seconds of [0.005, 0.01, 0.02, 0.03]) startNext(seconds);
  return () => {
    stopped = true;
    client.destroy();
    server.close();
  };
}
