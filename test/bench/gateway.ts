import { execFileSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { gzipSync } from "node:zlib";
import { build } from "esbuild";
import type { Sqid } from "../../functions/contracts/ids.ts";
import { statusEvent } from "../../functions/contracts/log-event.ts";
import { epochMs } from "../../functions/contracts/time.ts";
import { change, type Gateway, rig, START } from "../handlers/gateway/harness.ts";
import { type Row, rowOf } from "./timing.ts";

const RUNS = 15;

const REQUESTS = "/v1/queues/main/requests";

/** What is to be reached: of a function's bundle in bytes, not compressed; of its import, by that of an empty function with the same clients. */
const GOALS = { bundleBytes: 1_500_000, importTimes: 2 };

/** What each operation of the API takes of AWS: the calls by name, and the time against emulators in this process. */
export async function gatewayCalls(): Promise<readonly Row[]> {
  const { open, stop } = await rig();
  const gateway = await open();
  try {
    await gateway.land([change("first")]);
    await gateway.land([change("first")], {}, {}, "other");
    await gateway.land([change("again")], {}, { "idempotency-key": "again" });
    // The orchestrator has answered the requests that are asked about.
    await gateway.deliver(...[1, 2].map((n) => statusEvent(`main/${n}` as Sqid, "started", epochMs(START))));
    let n = 0;
    let cancelled = 1;
    const operations: readonly (readonly [string, () => Promise<unknown>])[] = [
      ["land", () => gateway.land([change(`c${++n}`)])],
      ["land, of two changes", () => gateway.land([change(`c${++n}`), change(`d${n}`)])],
      [
        "land, dry run",
        () => gateway.call("POST", `${REQUESTS}?dryRun=true`, { body: { changes: [change(`c${++n}`)] } }),
      ],
      ["land with a key", () => gateway.land([change(`c${++n}`)], {}, { "idempotency-key": `k${n}` })],
      ["land with a key, repeated", () => gateway.land([change("again")], {}, { "idempotency-key": "again" })],
      ["get", () => gateway.get(`${REQUESTS}/1`)],
      ["history", () => gateway.get(`${REQUESTS}/1/history`)],
      ["why", () => gateway.get(`${REQUESTS}/1/why`)],
      ["list 20", () => gateway.get(`${REQUESTS}?limit=20`)],
      ["queue", () => gateway.get("/v1/queues/main")],
      ["queues, of three", () => gateway.get("/v1/queues")],
      ["trends", () => gateway.get("/v1/queues/main/trends")],
      ["me", () => gateway.get("/v1/me")],
      ["cancel", () => gateway.cancel(++cancelled)],
      ["priority", () => gateway.call("PATCH", "/v1/queues/other/requests/1", { body: { priority: 1 + (++n % 5) } })],
      ["preflight", () => gateway.call("POST", "/v1/queues/main/preflights")],
      ["pause", () => gateway.call("POST", "/v1/queues/main/pause", { body: { note: `${++n}` } })],
    ];
    const rows: Row[] = [];
    for (const [what, work] of operations) rows.push(await measured(gateway, what, work));
    return rows;
  } finally {
    gateway.close();
    await stop();
  }
}

async function measured(gateway: Gateway, what: string, work: () => Promise<unknown>): Promise<Row> {
  const calls = await gateway.costOf(work);
  const samples: number[] = [];
  for (let run = 0; run < RUNS; run++) {
    const start = performance.now();
    await work();
    samples.push(performance.now() - start);
  }
  return rowOf(`gateway: ${what}`, samples, sumOf(calls));
}

const WRITES: ReadonlySet<string> = new Set(["Put", "Update", "BatchWrite", "Delete"]);

/**
 * Example: `3 writes, 1 send, 2 reads: 1 Get, 1 Query, 1 Update, 1 Put, 1 BatchWrite, 1 SendMessage`. A BatchWrite is one write: AWS
 * charges its items.
 */
function sumOf(calls: readonly string[]): string {
  const writes = calls.filter((call) => WRITES.has(call)).length;
  const sends = calls.filter((call) => call === "SendMessage").length;
  const counts = [...Map.groupBy(calls, (call) => call)].map(([call, all]) => `${all.length} ${call}`);
  const sums = [
    [writes, "write"],
    [sends, "send"],
    [calls.length - writes - sends, "read"],
  ] as const;
  const named = sums.flatMap(([count, noun]) => (count === 0 ? [] : [`${count} ${noun}${count === 1 ? "" : "s"}`]));
  return calls.length === 0 ? "no call" : `${named.join(", ")}: ${counts.join(", ")}`;
}

const BUNDLING = {
  bundle: true,
  minify: true,
  platform: "node",
  format: "esm",
  target: "node24",
  logLevel: "silent",
  banner: { js: 'import { createRequire } from "node:module";const require = createRequire(import.meta.url);' },
} as const;

/** The gateway's bundle beside an empty function with the same SDK clients: size, and the time to import it into a fresh process. */
export async function gatewayBundle(): Promise<readonly Row[]> {
  // Within the repository, so that packages are found.
  const directory = mkdtempSync(join(import.meta.dirname, ".bundle-"));
  try {
    const empty = join(directory, "empty.ts");
    const clients = join(import.meta.dirname, "..", "..", "functions", "adapters", "aws-clients.ts");
    writeFileSync(empty, `export * from ${JSON.stringify(clients)}; export const handler = async () => ({});\n`);
    const api = join(import.meta.dirname, "..", "..", "functions", "handlers", "gateway", "api.lambda.ts");
    const bundles = [];
    for (const [what, entry] of [
      ["an empty function with the SDK clients", empty],
      ["the gateway's function", api],
    ] as const) {
      const outfile = join(directory, `${bundles.length}.mjs`);
      await build({ ...BUNDLING, mainFields: ["module", "main"], entryPoints: [entry], outfile });
      const zipped = gzipSync(readFileSync(outfile)).length;
      bundles.push(
        rowOf(
          `import ${what}`,
          importTimes(outfile),
          `${kilobytes(statSync(outfile).size)}, ${kilobytes(zipped)} as gzip (goal: less than ${kilobytes(GOALS.bundleBytes)})`,
        ),
      );
    }
    const [base, ours] = bundles;
    const ratio = base && ours ? (ours.p50Ms / base.p50Ms).toFixed(2) : "?";
    return [...bundles, rowOf(`  the second by the first: ${ratio} (goal: at most ${GOALS.importTimes})`, [], "")];
  } finally {
    rmSync(directory, { recursive: true, force: true });
  }
}

const kilobytes = (bytes: number): string => `${Math.round(bytes / 1_000)} kB`;

/** In milliseconds. Each import is in a process of its own. The function's module may refuse its empty environment: it is loaded by then. */
function importTimes(file: string): readonly number[] {
  const program = `const start = performance.now();
await import(${JSON.stringify(file)}).catch(() => {});
console.log(performance.now() - start);`;
  return Array.from({ length: RUNS }, () =>
    Number(execFileSync(process.execPath, ["--input-type=module", "--eval", program], { encoding: "utf8" })),
  );
}
