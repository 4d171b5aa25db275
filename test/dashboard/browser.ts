import { existsSync, readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { type Browser, type BrowserContext, type BrowserContextOptions, chromium, type Page } from "playwright-core";
import { LIMIT_MS } from "../support/limit.ts";

/** Where Debian's package `chromium` has it; CHROMIUM says otherwise. */
const EXECUTABLE = process.env["CHROMIUM"] ?? "/usr/bin/chromium";

/** False where no browser is installed. The tests of the page are then left out, and `.ci/run` says so. */
export const hasBrowser = existsSync(EXECUTABLE);

/** A Chromium without a window. It calls only the servers of a test. */
export const startBrowser = (): Promise<Browser> =>
  chromium.launch({
    executablePath: EXECUTABLE,
    // The sandbox of Chromium does not run as root, as which containers run tests.
    args: [
      "--no-sandbox",
      "--disable-background-networking",
      "--disable-component-update",
      "--no-first-run",
      // Threads that collect garbage together mostly wait for each other on cores that are busy.
      "--js-flags=--single-threaded-gc",
      // What is drawn is never looked at: no process that draws.
      "--disable-gpu",
      "--disable-software-rasterizer",
      // One process for all pages of a context, also for pages of several origins.
      "--renderer-process-limit=1",
      "--disable-site-isolation-trials",
    ],
  });

/** A page of its own, and what it complained about: errors, and what the Content-Security-Policy refused. */
export interface Tab {
  readonly page: Page;
  readonly complaints: readonly string[];
  /** Where its requests went, by host. */
  readonly hosts: ReadonlySet<string>;
  close(): Promise<void>;
}

/** What a page is opened with, unless a test says otherwise. */
export const WINDOW: BrowserContextOptions = { viewport: { width: 1_280, height: 800 }, reducedMotion: "reduce" };

/** The pages of one context. `free`: those that no test has. */
interface Pages {
  readonly context: BrowserContext;
  readonly free: Page[];
}
const contexts = new WeakMap<Browser, Map<string, Promise<Pages>>>();

/**
 * The pages of the one context for these options. A page in a context of its own costs twice the CPU. Tests share nothing through a context:
 * each test has servers, and so origins, of its own.
 */
function pagesFor(browser: Browser, options: BrowserContextOptions): Promise<Pages> {
  const open = async () => ({ context: await browser.newContext({ ...WINDOW, ...options }), free: [] });
  const known = contexts.get(browser) ?? new Map<string, Promise<Pages>>();
  contexts.set(browser, known);
  const pages = known.get(JSON.stringify(options)) ?? open();
  known.set(JSON.stringify(options), pages);
  return pages;
}

/** Makes a page as a new one is, but for its history. */
async function makeBlank(page: Page): Promise<void> {
  page.removeAllListeners();
  // A page that has not got anywhere has no storage.
  await page.evaluate("origin === 'null' || sessionStorage.clear()");
  await page.mouse.move(0, 0);
  await page.emulateMedia({ colorScheme: "light" });
  await page.goto("about:blank");
}

/** A page that a test closes is kept blank for the next test: a new page takes the browser a fifth of a second of the processor. */
export async function openTab(browser: Browser, options: BrowserContextOptions = {}): Promise<Tab> {
  const { context, free } = await pagesFor(browser, options);
  const page = free.pop() ?? (await context.newPage());
  page.setDefaultTimeout(LIMIT_MS);
  const complaints: string[] = [];
  const hosts = new Set<string>();
  page.on("console", (message) => {
    if (message.type() === "error" || message.type() === "warning") complaints.push(message.text());
  });
  page.on("pageerror", (error) => complaints.push(String(error)));
  page.on("request", (request) => hosts.add(new URL(request.url()).host));
  let closed: Promise<void> | undefined;
  const close = async () => {
    await makeBlank(page);
    free.push(page);
  };
  return {
    page,
    complaints,
    hosts,
    close: () => {
      closed ??= close();
      return closed;
    },
  };
}

const axeSource = readFileSync(createRequire(import.meta.url).resolve("axe-core/axe.min.js"), "utf8");

interface AxeResults {
  readonly passes: readonly unknown[];
  readonly violations: readonly {
    readonly id: string;
    readonly nodes: readonly { readonly target: unknown; readonly failureSummary: string }[];
  }[];
}

/** Which of axe's rules: `colours` are those of its default rules that look at colours. */
const RULES = { all: {}, colours: { runOnly: { type: "rule", values: ["color-contrast", "link-in-text-block"] } } };

/** What axe has against the page as it stands, as sentences. Throws when axe looked at nothing. */
export async function violationsOf(page: Page, rules: keyof typeof RULES = "all"): Promise<readonly string[]> {
  // Past the page's own Content-Security-Policy: it is evaluated by the debugger.
  if (!(await page.evaluate("'axe' in window"))) await page.evaluate(axeSource);
  const options = JSON.stringify({ resultTypes: ["violations"], ...RULES[rules] });
  const { violations, passes } = await page.evaluate<AxeResults>(`axe.run(document, ${options})`);
  if (passes.length === 0) throw new Error("axe found nothing to look at");
  return violations.flatMap(({ id, nodes }) =>
    nodes.map(({ target, failureSummary }) => `${id} at ${JSON.stringify(target)}: ${failureSummary}`),
  );
}

/** True when nothing of the page is wider than the window. */
export const fitsItsWidth = (page: Page): Promise<boolean> =>
  page.evaluate<boolean>("document.documentElement.scrollWidth <= document.documentElement.clientWidth");
