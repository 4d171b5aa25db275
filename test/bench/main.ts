/**
 * `npm run bench [-- NAME …]`: what the steps cost on this machine. Figures of one run are for comparing with each other. `-- cost`, alone:
 * what landing costs on AWS, in dollars.
 */
import Table from "cli-table3";
import { burst } from "./burst.ts";
import { callsPerLanding } from "./calls.ts";
import { gatewayBundle, gatewayCalls } from "./gateway.ts";
import { landings } from "./landings.ts";
import { largeRepository } from "./large.ts";
import { pageViews } from "./page.ts";
import { plannerRuns } from "./planner-runs.ts";
import { reading } from "./reading.ts";
import { landingsByRecords } from "./records.ts";
import type { Row } from "./timing.ts";

const BENCHES: Readonly<Record<string, () => readonly Row[] | Promise<readonly Row[]>>> = {
  planner: plannerRuns,
  records: landingsByRecords,
  reading: () => [reading()],
  gateway: async () => [...(await gatewayCalls()), ...(await gatewayBundle())],
  landings,
  large: largeRepository,
  calls: callsPerLanding,
  burst,
  page: pageViews,
};

async function measure(named: readonly string[]): Promise<void> {
  // 120 columns.
  const colWidths = [44, 6, 10, 10, 44];
  const style = { head: [], border: [] };
  const table = new Table({ head: ["step", "n", "p50 ms", "p95 ms", ""], style, colWidths, wordWrap: true });
  for (const [name, bench] of Object.entries(BENCHES)) {
    if (named.length > 0 && !named.includes(name)) continue;
    for (const { what, n, p50Ms, p95Ms, note = "" } of await bench())
      table.push(n === 0 ? [what, "", "", "", note] : [what, n, p50Ms.toFixed(2), p95Ms.toFixed(2), note]);
  }
  console.log(table.toString());
}

const named = process.argv.slice(2);
const known = `${Object.keys(BENCHES).join(", ")}, and cost, alone`;
const unknown = named.filter((name) => BENCHES[name] === undefined);
if (named.length === 1 && named[0] === "cost") {
  // It takes over the clock of the process, so it is loaded and run by itself.
  const { cost } = await import("./cost/main.ts");
  await cost();
} else if (named.includes("--help")) {
  console.log(
    `Usage: npm run bench [-- NAME …]\n\nWhat the steps cost on this machine. There are: ${known}. Default: all but cost.`,
  );
} else if (unknown.length > 0) {
  console.error(`There is no bench ${unknown.join(", ")}. There are: ${known}.`);
  process.exitCode = 2;
} else await measure(named);
