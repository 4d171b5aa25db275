/** `npm run bench`: what the steps take on this machine. Figures of one run are for comparing with each other. `-- cost`: dollars on AWS. */
import Table from "cli-table3";
import { landings } from "./landings.ts";
import { plannerRuns } from "./planner-runs.ts";
import { reading } from "./reading.ts";
import { landingsByRecords } from "./records.ts";
import type { Row } from "./timing.ts";

async function steps(): Promise<void> {
  const table = new Table({ head: ["step", "n", "p50 ms", "p95 ms", ""], style: { head: [], border: [] } });
  const show = (rows: readonly Row[]) => {
    for (const { what, n, p50Ms, p95Ms, note = "" } of rows)
      table.push([what, n, p50Ms.toFixed(2), p95Ms.toFixed(2), note]);
  };

  show(plannerRuns());
  show(await landingsByRecords());
  show([reading()]);
  show(await landings());
  console.log(table.toString());
}

// Each takes a minute or more: one at a time.
if (process.argv.includes("cost")) {
  const { cost } = await import("./cost/main.ts");
  await cost();
} else await steps();
