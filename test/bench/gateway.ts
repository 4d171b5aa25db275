import { execFileSync } from "node:child_process";
import { mkdtempSync, rmSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { build } from "esbuild";
import { change, type Gateway, rig } from "../handlers/gateway/harness.ts";
import { type Row, rowOf } from "./timing.ts";

const RUNS = 15;

/** What each operation of the API takes of AWS: the calls by name, and the time against emulators in this process. */
export async function gatewayCalls(): Promise<readonly Row[]> {
  const { open, stop } = await rig();
  const gateway = await open();
  try {
    await gateway.land([change("first")]);
    let n = 0;
    let cancelled = 1;
    const operations: readonly (readonly [string, () => Promise<unknown>])[] = [
      ["land", () => gateway.land([change(`c${++n}`)])],
      ["land with a key", () => gateway.land([change(`c${++n}`)], {}, { "idempotency-key": `k${n}` })],
      ["get", () => gateway.get("/v1/queues/main/requests/1")],
      ["history", () => gateway.get("/v1/queues/main/requests/1/history")],
      ["why", () => gateway.get("/v1/queues/main/requests/1/why")],
      ["list 20", () => gateway.get("/v1/queues/main/requests?limit=20")],
      ["queue", () => gateway.get("/v1/queues/main")],
      ["queues", () => gateway.get("/v1/queues")],
      ["cancel", () => gateway.cancel(++cancelled)],
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
  const counts = [...Map.groupBy(calls, (call) => call)].map(([call, all]) => `${all.length} ${call}`);
  return rowOf(`gateway: ${what}`, samples, counts.join(", ") || "no call");
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
      bundles.push(rowOf(`import ${what}`, importTimes(outfile), `${Math.round(statSync(outfile).size / 1_000)} kB`));
    }
    return bundles;
  } finally {
    rmSync(directory, { recursive: true, force: true });
  }
}

/** In milliseconds. Each import is in a process of its own. The function's module may refuse its empty environment: it is loaded by then. */
function importTimes(file: string): readonly number[] {
  const program = `const start = performance.now();
await import(${JSON.stringify(file)}).catch(() => {});
console.log(performance.now() - start);`;
  return Array.from({ length: RUNS }, () =>
    Number(execFileSync(process.execPath, ["--input-type=module", "--eval", program], { encoding: "utf8" })),
  );
}
