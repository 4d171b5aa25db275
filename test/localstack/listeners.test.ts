import { readdirSync, readFileSync, readlinkSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { startMain } from "./fixture/main.ts";
import { aQueuesFile, aRuntime, aStateDirectory } from "./fixture/runtime.ts";

/** A socket that listens: `127.0.0.1:3000`, or the path of a Unix domain socket. */
type Listener = string;

const LISTENS = "0A";

/** The listening sockets of a process, as Linux sees them. */
function listenersOf(pid: number): readonly Listener[] {
  const inodes = new Set(
    readdirSync(`/proc/${pid}/fd`).flatMap((fd) => {
      try {
        return /^socket:\[(\d+)\]$/.exec(readlinkSync(`/proc/${pid}/fd/${fd}`))?.[1] ?? [];
      } catch {
        return [];
      }
    }),
  );
  const rows = (table: string) =>
    readFileSync(`/proc/${pid}/net/${table}`, "utf8")
      .trimEnd()
      .split("\n")
      .slice(1)
      .map((row) => row.trim().split(/\s+/));
  const tcp = ["tcp", "tcp6"].flatMap(rows).flatMap(([, local = "", , state, , , , , , inode = ""]) => {
    if (state !== LISTENS || !inodes.has(inode)) return [];
    const [address = "", port = ""] = local.split(":");
    const parts = address.length === 8 ? [...Buffer.from(address, "hex")].reverse().join(".") : address;
    return [`${parts}:${Number.parseInt(port, 16)}`];
  });
  // Bit 16 of the flags: the socket accepts connections.
  const unix = rows("unix").flatMap(([, , , flags = "0", , , inode = "", path = "unnamed"]) =>
    (Number.parseInt(flags, 16) & 0x10000) !== 0 && inodes.has(inode) ? [path] : [],
  );
  return [...tcp, ...unix].sort();
}

describe.runIf(process.platform === "linux")("the listening sockets", () => {
  it("is the HTTP API alone when a program starts the runtime", async () => {
    // Tests that ran here before may have left sockets, which close when they like.
    const before = new Set(listenersOf(process.pid));
    const opened = () => listenersOf(process.pid).filter((listener) => !before.has(listener));
    const runtime = await aRuntime({});
    expect(opened()).toEqual([new URL(runtime.url ?? "").host]);
    expect(runtime.operatorPort).toBeUndefined();
    await runtime.stop();
    expect(opened()).toEqual([]);
  });

  it("is the HTTP API and the operator's port when npm start does, both on loopback and closed to pages", async () => {
    const main = await startMain("--queues", aQueuesFile(), "--state", aStateDirectory(), "--port", "0", "--quiet");
    try {
      const listeners = listenersOf(main.pid);
      const announced = [...main.greeting.matchAll(/http:\/\/(127\.0\.0\.1:\d+)(?= |$)/gm)].map(
        ([, address]) => address,
      );
      expect(listeners).toHaveLength(2);
      expect([...new Set(announced)].sort()).toEqual(listeners);
      for (const address of listeners) {
        const answers = await Promise.all(
          ["GET", "POST", "OPTIONS"].map((method) =>
            fetch(`http://${address}/v1/queues`, { method, headers: { origin: "https://evil.example" } }),
          ),
        );
        expect(answers.map(({ status }) => status)).toEqual([403, 403, 403]);
        for (const { headers } of answers)
          expect([...headers.keys()].filter((name) => name.startsWith("access-control"))).toEqual([]);
      }
      expect(main.greeting).not.toMatch(/access key: operator|SECRET/i);
    } finally {
      await main.stop();
    }
  });
});
