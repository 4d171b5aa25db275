import type { Browser, Page } from "playwright-core";
import { Client } from "../../client/client.ts";
import { hasBrowser, startBrowser, WINDOW } from "../dashboard/browser.ts";
import { FAKE, startTopology, type Topology } from "../support/topology.ts";
import { type Row, rowOf } from "./timing.ts";

const RUNS = 10;

/** How many requests the queue holds, all of them built and none landed. */
const IN_FLIGHT = 8;

/** What is to be reached by each first view: from the start of the navigation to the painted content; of all files and answers, unpacked. */
const GOALS = { firstViewMs: 1_000, bytes: 200_000 };

/** The views, and the part of each that shows what was asked of the API. */
const VIEWS = [
  ["a queue", "/q/bench", ".row"],
  ["a request", "/q/bench/1", ".verdict"],
  ["trends", "/q/bench/trends", ".chart"],
  ["all queues", "/", ".card"],
] as const;

/** How long each view of the page takes and weighs in Chromium, from the embedded runtime, with nothing in the browser's cache. */
export async function pageViews(): Promise<readonly Row[]> {
  if (!hasBrowser) return [rowOf("The page: not measured, for there is no Chromium (package chromium)", [], "")];
  const [topology, browser] = await Promise.all([startTopology({ bench: FAKE, other: FAKE }), startBrowser()]);
  try {
    await fill(topology);
    const rows: Row[] = [];
    for (const [what, path, shown] of VIEWS)
      rows.push(await measured(browser, `page: ${what}`, topology.url + path, shown));
    return rows;
  } finally {
    await browser.close();
    await topology.stop();
  }
}

/** Lands a change, for the trends. Then pauses the queue and gives it requests, which are built and wait. */
async function fill(topology: Topology): Promise<void> {
  const { lane, remote } = topology.at("bench");
  await lane.landed(await remote.change("landed", { "landed.txt": "landed\n" }));
  await new Client({ url: topology.url }).queue("bench").pause("the bench looks at what waits");
  for (let n = 0; n < IN_FLIGHT; n++) {
    const { sqid } = await lane.land(await remote.change(`waits-${n}`, { [`file-${n}.txt`]: `${n}\n` }));
    await lane.reaches(sqid, "built");
  }
}

/** Each run has a browser context of its own, so an empty cache. */
async function measured(browser: Browser, what: string, url: string, shown: string): Promise<Row> {
  const samples: number[] = [];
  let bytes = { sent: 0, unpacked: 0 };
  for (let run = 0; run < RUNS; run++) {
    const context = await browser.newContext(WINDOW);
    const page = await context.newPage();
    await page.addInitScript(noticing(shown));
    await page.goto(url);
    samples.push(await paintedAt(page));
    bytes = await bytesOf(page);
    await context.close();
  }
  const note = `${kilobytes(bytes.sent)} sent, ${kilobytes(bytes.unpacked)} unpacked`;
  return rowOf(what, samples, `${note} (goal: less than ${kilobytes(GOALS.bytes)} and ${GOALS.firstViewMs} ms)`);
}

/** A script that keeps as `painted` when the first element that matches `shown` was painted, in milliseconds since the navigation began. */
const noticing = (shown: string): string => `
  globalThis.painted = new Promise((resolve) => {
    const look = () => {
      if (document.querySelector(${JSON.stringify(shown)}) === null) return requestAnimationFrame(look);
      requestAnimationFrame(() => setTimeout(() => resolve(performance.now())));
    };
    look();
  });`;

const paintedAt = (page: Page): Promise<number> => page.evaluate<number>("globalThis.painted");

/** Of the document, its files and the answers of the API, with headers as `sent`. */
const bytesOf = (page: Page): Promise<{ sent: number; unpacked: number }> =>
  page.evaluate(`(() => {
    const entries = [...performance.getEntriesByType("navigation"), ...performance.getEntriesByType("resource")];
    const sum = (key) => entries.reduce((all, entry) => all + entry[key], 0);
    return { sent: sum("transferSize"), unpacked: sum("decodedBodySize") };
  })()`);

const kilobytes = (bytes: number): string => `${Math.round(bytes / 1_000)} kB`;
