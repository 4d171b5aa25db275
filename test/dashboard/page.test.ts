import type { Browser, Page } from "playwright-core";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { QueueName, RequestNumber } from "../../functions/contracts/ids.ts";
import { untilPasses } from "../support/wait.ts";
import { fitsItsWidth, hasBrowser, openTab, startBrowser, type Tab, violationsOf } from "./browser.ts";
import { FakeGateway } from "./fake-gateway.ts";
import { FakeProvider } from "./fake-provider.ts";
import {
  busy,
  crowded,
  empty,
  history,
  hostile,
  landed,
  paused,
  queue,
  red,
  refused,
  request,
  waiting,
} from "./scenes.ts";

/** One for all tests on a phone: options of their own would be another context, with another process of the browser. */
const PHONE = { hasTouch: true, viewport: { width: 360, height: 780 } };

let browser: Browser;
let gateway: FakeGateway;
let tab: Tab;
let page: Page;

beforeAll(async () => {
  if (hasBrowser) browser = await startBrowser();
});
afterAll(() => browser?.close());
beforeEach(async () => {
  gateway = await FakeGateway.start();
  gateway.queues = [busy()];
  gateway.requests = [waiting(), landed(), refused()];
});
afterEach(async () => {
  await tab?.close();
  await gateway.stop();
});

const open = async (path: string, options = {}): Promise<void> => {
  tab = await openTab(browser, options);
  page = tab.page;
  await page.goto(`${gateway.url}${path}`);
};
const rows = () => page.locator(".row");
const row = (number: number) => page.locator(`.row:has(a[href="/q/main/${number}"])`).first();
const text = (selector: string) => page.locator(selector).first().innerText();

/** Everything that the page may complain about, but for answers that the test itself made failures. */
const complaints = () => tab.complaints.filter((line) => !line.includes("Failed to load resource"));

describe.skipIf(!hasBrowser)("the queue", () => {
  it("shows what is in flight in order, with builds, budget and what just ended", async () => {
    const begun = Date.now();
    gateway.queues = [busy()];
    await open("/q/main");
    await rows().first().waitFor();
    expect(await page.locator(".row .number").allInnerTexts()).toEqual([
      "#41",
      "#42",
      "#43",
      "#45",
      "#46",
      "#47",
      "#48",
      "#49",
      "#50",
    ]);
    expect(await text(".tiles")).toMatch(/Builds running\s+5 of 6/);
    expect(await row(43).innerText()).toMatch(/Bump the web framework to 9.4[\s\S]*Waiting for main\/42[\s\S]*passed/);
    const chips = await row(45).locator(".chip").allInnerTexts();
    expect(chips).toEqual([expect.stringMatching(/\d:\d\d\s+#43 \+ 2/), expect.stringMatching(/\d:\d\d\s+#43 \+ 1/)]);
    // Since 61 and 22 seconds when the scene began. A server's clock is known to a second.
    const late = (Date.now() - begun) / 1_000 + 2;
    for (const [chip = "", seconds] of [
      [chips[0], 61],
      [chips[1], 22],
    ] as const) {
      const [minutes = "", rest = ""] = /(\d+):(\d\d)/.exec(chip)?.slice(1) ?? [];
      const shown = 60 * Number(minutes) + Number(rest);
      expect(shown).toBeGreaterThanOrEqual(seconds - 2);
      expect(shown).toBeLessThanOrEqual(seconds + late);
    }
    expect(await text(".ended.end-refused")).toMatch(
      /#39 refused[\s\S]*Checkout: pay twice[\s\S]*expected 2 payments, and there was 1/,
    );
    expect(complaints()).toEqual([]);
    expect([...tab.hosts]).toEqual([new URL(gateway.url).host]);
  });

  it("shows the tree of a build that is pointed at, and which requests it is made of", async () => {
    await open("/q/main");
    await row(45).locator(".chip").nth(1).hover();
    expect(await page.locator(".layer").allInnerTexts()).toEqual([
      expect.stringMatching(/#45\s+Cart[\s\S]*tested/),
      expect.stringMatching(/#43[\s\S]*assumed to land/),
      expect.stringMatching(/#41[\s\S]*assumed to land/),
      "trunk",
    ]);
    expect(await text(".without")).toBe("Assumes that #42 does not land.");
    const marks = await Promise.all([41, 42, 43, 45, 46].map((number) => row(number).getAttribute("data-mark")));
    expect(marks).toEqual(["base", "without", "base", "head", "aside"]);
    await page.mouse.move(5, 5);
    await page.locator(".tree").waitFor({ state: "detached" });
  });

  it("keeps a tree that was tapped until it is tapped again, or Escape is pressed", async () => {
    await open("/q/main", PHONE);
    await row(42).locator(".chip").tap();
    await page.locator(".tree").waitFor();
    await row(47).locator(".chip").tap();
    expect(await page.locator(".layer.head a").allInnerTexts()).toEqual(["#48", "#47"]);
    await page.keyboard.press("Escape");
    expect(await page.locator(".tree").count()).toBe(0);
  });

  it("changes by itself when the server tells of news", async () => {
    await open("/q/main");
    await rows().first().waitFor();
    gateway.queues = [queue({ requests: [request(51, { title: "A new change" })] })];
    gateway.tell();
    await page.getByText("A new change").waitFor();
    expect(await rows().count()).toBe(1);
  });

  it("keeps no connection while it is not looked at: a browser has six for all tabs", async () => {
    await open("/q/main");
    await rows().first().waitFor();
    const look = (state: string) =>
      page.evaluate(`Object.defineProperty(document, "visibilityState", { value: "${state}", configurable: true });
        document.dispatchEvent(new Event("visibilitychange"))`);
    await untilPasses(() => expect(gateway.listening).toBe(1));
    await look("hidden");
    await untilPasses(() => expect(gateway.listening).toBe(0));
    gateway.queues = [paused()];
    await look("visible");
    await page.getByText("Paused: nothing lands.").waitFor();
    await untilPasses(() => expect(gateway.listening).toBe(1));
  });

  it("asks for itself where the server tells nothing", async () => {
    gateway.hasEvents = false;
    await open("/q/main");
    await rows().first().waitFor();
    gateway.queues = [queue({ requests: [request(51, { title: "A new change" })] })];
    await page.getByText("A new change").waitFor();
  });

  it("says that the budget is too small for what the queue gets", async () => {
    await open("/q/main");
    await rows().first().waitFor();
    expect(await page.locator(".advice").count()).toBe(0);
    gateway.queues = [queue({ load: { receivedLastHour: 40, buildMinutes: 12 } })];
    gateway.tell();
    await page.getByText(/The budget is 6 builds at once\. 40 changes an hour.*need about 16/).waitFor();
  });

  it("keeps its content while the server is away, says so, and goes on when the server is back", async () => {
    await open("/q/main");
    await rows().first().waitFor();
    gateway.answer = () => ({ status: 503, body: { detail: "It should pass." } });
    gateway.tell();
    await page.getByText("Not up to date.").waitFor();
    expect(await rows().count()).toBe(9);
    gateway.answer = () => undefined;
    await page.getByText("Not up to date.").waitFor({ state: "detached" });
  });

  it("says since when the trunk is red, at whose commit and for which check", async () => {
    gateway.queues = [red()];
    await open("/q/main");
    await page.locator(".banner.red").waitFor();
    expect(await text(".banner.red")).toMatch(
      /main itself fails[\s\S]*Since commit 4f1c09f0a7c1 by linus@example.com: The check unit[\s\S]*for 4[2-8] min/,
    );
  });

  it("is designed for a queue that is empty, paused, draining, failed or not there", async () => {
    gateway.queues = [empty()];
    await open("/q/main");
    await page.getByText("Nothing is in the queue").waitFor();
    gateway.queues = [paused()];
    gateway.tell();
    await page.getByText("Paused: nothing lands.").waitFor();
    expect(await text(".banner")).toMatch(/Release day[\s\S]*by ada@example.com, for 1[2-8] min/);
    await page.goto(`${gateway.url}/q/nope`);
    await page.getByText("Not found").waitFor();
    gateway.answer = () => ({ status: 500, body: { detail: "It is not your fault." } });
    await page.goto(`${gateway.url}/q/main`);
    await page.getByText("It is not your fault.").waitFor();
    gateway.answer = () => undefined;
    // By itself, without a click on "Try again".
    await page.getByText("Paused: nothing lands.").waitFor();
  });

  it("says that it is loading while the first answer is on its way", async () => {
    const { promise, resolve } = Promise.withResolvers<undefined>();
    gateway.answer = () => promise as never;
    await open("/q/main");
    await page.getByRole("status").getByText("Loading the queue…").waitFor({ state: "attached" });
    expect(await violationsOf(page)).toEqual([]);
    resolve(undefined);
    await rows().first().waitFor();
  });

  it("shows a thousand requests, and goes on answering", async () => {
    gateway.queues = [crowded()];
    await open("/q/main");
    await rows().nth(999).waitFor({ state: "attached" });
    expect(await page.getByText("More are behind them.").count()).toBe(1);
    await row(30).locator(".chip").click();
    expect(await page.locator(".layer").count()).toBe(8);
    expect(complaints()).toEqual([]);
  });
});

describe.skipIf(!hasBrowser)("controls", () => {
  it("pause a queue with a reason, and say when a caller may not", async () => {
    await open("/q/main");
    await page.getByRole("button", { name: "Pause" }).click();
    await page.getByLabel(/Why\?/).fill("release day");
    gateway.answer = ({ method }) =>
      method === "POST"
        ? { status: 403, body: { code: "caller.not_allowed", detail: "Only operators may pause main." } }
        : undefined;
    await page.getByRole("dialog").getByRole("button", { name: "Pause" }).click();
    expect(await text("dialog [role=alert]")).toBe("You may not do this. Only operators may pause main.");
    gateway.answer = ({ method }) => (method === "POST" ? { status: 200, body: {} } : undefined);
    await page.getByRole("dialog").getByRole("button", { name: "Pause" }).click();
    await page.getByRole("dialog").waitFor({ state: "detached" });
    const posts = gateway.asked.filter(({ method }) => method === "POST");
    expect(posts.map(({ path, body }) => [path, body])).toEqual([
      ["/v1/queues/main/pause", { note: "release day" }],
      ["/v1/queues/main/pause", { note: "release day" }],
    ]);
    expect(posts[0]?.headers["content-type"]).toBe("application/json");
  });

  it("can't be used by a person who may not, and say why; a request of one's own can be cancelled", async () => {
    const rights = { land: true, cancelOthers: false, priority: false, operate: false };
    gateway.me = { ...gateway.me, queues: [{ name: QueueName.parse("main"), rights }] };
    const [mine, other] = [request(51, { caller: gateway.me.name }), request(52, { caller: "grace@example.com" })];
    gateway.queues = [queue({ requests: [mine, other] })];
    await open("/q/main");
    const pause = page.getByRole("button", { name: "Pause" });
    await pause.and(page.locator(":disabled")).waitFor();
    expect(await pause.getAttribute("title")).toBe(
      "You (ada@example.com) may not pause, drain or resume main: access.operate in queues.yaml names who may.",
    );
    expect(await page.getByRole("button", { name: "Drain" }).isDisabled()).toBe(true);
    const actions = async (number: number) => {
      await page.getByRole("button", { name: `Actions for request ${number}` }).click();
      const [priority, cancel] = ["Priority", "Cancel"].map((name) => page.getByRole("button", { name, exact: true }));
      const found = [await priority?.isDisabled(), await cancel?.isDisabled(), await cancel?.getAttribute("title")];
      await page.keyboard.press("Escape");
      return found;
    };
    expect(await actions(51)).toEqual([true, false, null]);
    expect(await actions(52)).toEqual([true, true, expect.stringContaining("access.cancelOthers")]);
    expect(complaints()).toEqual([]);
  });

  it("can all be used while it is not known who looks, for the API decides", async () => {
    gateway.answer = ({ path }) => (path === "/v1/me" ? { status: 404, body: { detail: "no such path" } } : undefined);
    await open("/q/main");
    await rows().first().waitFor();
    expect(await page.getByRole("button", { name: "Pause" }).isDisabled()).toBe(false);
  });

  it("cancel a request and change its priority from its row", async () => {
    gateway.answer = ({ method }) => (method === "GET" ? undefined : { status: 200, body: {} });
    await open("/q/main");
    await page.getByRole("button", { name: "Actions for request 49" }).click();
    await page.getByRole("button", { name: "Priority" }).click();
    await page.getByRole("spinbutton").fill("7");
    await page.getByRole("button", { name: "Change it" }).click();
    await page.getByRole("dialog").waitFor({ state: "detached" });
    await page.getByRole("button", { name: "Actions for request 49" }).click();
    await page.getByRole("button", { name: "Cancel", exact: true }).click();
    await page.getByLabel(/Why\?/).fill("not yet");
    await page.getByRole("button", { name: "Cancel the request" }).click();
    await page.getByRole("dialog").waitFor({ state: "detached" });
    const asked = gateway.asked.filter(({ method }) => method !== "GET");
    expect(asked.map(({ method, path, body }) => [method, path, body])).toEqual([
      ["PATCH", "/v1/queues/main/requests/49", { priority: 7 }],
      ["POST", "/v1/queues/main/requests/49/cancel", { reason: "not yet" }],
    ]);
  });
});

describe.skipIf(!hasBrowser)("a request", () => {
  it("shows where it stands, why, its builds with links, and its timeline with who asked", async () => {
    await open("/q/main/43");
    await page.locator(".verdict").waitFor();
    expect(await text(".verdict")).toMatch(
      /passed[\s\S]*about 2 min left[\s\S]*Waiting for main\/42[\s\S]*In the way: #42/,
    );
    expect(await page.locator(".build").allInnerTexts()).toEqual([
      expect.stringMatching(/failed, repeated[\s\S]*1 min 20 s[\s\S]*The machine of the build went away/),
      expect.stringMatching(/passed[\s\S]*on #42 \+ 1[\s\S]*3 min 40 s/),
    ]);
    expect(await page.locator(".build a").first().getAttribute("href")).toBe("https://ci.example/builds/90");
    expect(await text(".timeline")).toMatch(
      /Asked to land by grace@example.com[\s\S]*Build started[\s\S]*Build passed[^W]*Waits for the requests ahead: #42/,
    );
    expect(await page.title()).toBe("#43 · main · submitqueue");
  });

  it("is shown also when its queue was taken out of the configuration", async () => {
    const problem = {
      title: "",
      type: "",
      status: 404,
      code: "queue.unknown",
      detail: "Queue main is not configured.",
    };
    gateway.answer = ({ path }) => (path === "/v1/queues/main" ? { status: 404, body: problem } : undefined);
    await open("/q/main/43");
    await page.locator(".verdict").waitFor();
    expect(await text(".verdict")).toContain("Waiting for main/42");
  });

  it("leaves the waiting for news to the API where the server tells nothing", async () => {
    gateway.hasEvents = false;
    await open("/q/main/43");
    await page.locator(".verdict").waitFor();
    const waits = () => gateway.asked.filter(({ path }) => path.includes("wait="));
    await expect
      .poll(() => waits().map(({ path }) => path))
      .toEqual([`/v1/queues/main/requests/43/history?wait=25&known=${waiting().history.length}`]);
    const before = gateway.asked.length;
    gateway.requests = [{ ...landed(), summary: { ...landed().summary, number: RequestNumber.parse(43) } }];
    gateway.hasNews();
    await page.locator(".verdict.end-landed").waitFor();
    // One look, and no more: it has ended. Its three calls go side by side.
    const looks = gateway.asked.slice(before).map(({ path }) => path.split("/").at(-1));
    expect(looks.sort()).toEqual(["43", "history", "why"]);
  });

  it("that landed shows as what; one that was refused, with the lines of its build", async () => {
    await open("/q/main/40");
    await page.locator(".verdict.end-landed").waitFor();
    expect(await text(".details")).toContain("4f1c09f0a7c1d2e3b4a5968778695a4b3c2d1e0f");
    expect(await page.getByRole("button", { name: "Cancel" }).count()).toBe(0);
    await page.goto(`${gateway.url}/q/main/39`);
    await page.locator(".verdict.end-refused").waitFor();
    expect(await text(".build-reason")).toContain("\n  ✗ pays once\n");
  });

  it("is found by its number, author, branch, pull request and change from one box", async () => {
    await open("/q/main");
    const look = async (typed: string) => {
      await page.getByRole("searchbox").fill(typed);
      await page.keyboard.press("Enter");
    };
    await look("43");
    await page.waitForURL("**/q/main/43");
    await look("https://github.com/acme/shop/pull/440");
    await page.waitForURL("**/q/main/search?**");
    await page.locator(".found").waitFor();
    expect(await page.locator(".found a").allInnerTexts()).toEqual([expect.stringContaining("#40")]);
    await look("linus");
    await page.getByText("Requests with “linus”").waitFor();
    await page.locator(".found").waitFor();
    expect(await page.locator(".found a").allInnerTexts()).toEqual([expect.stringContaining("#39")]);
    // A branch, and no request of a queue that is not there.
    await look("fix/17");
    await page.waitForURL("**/q/main/search?text=fix%2F17");
    await look("no such thing");
    await page.getByText("No request matches").waitFor();
  });
});

describe.skipIf(!hasBrowser)("the page", () => {
  it("takes no text of a change for HTML, a script or an address to follow", async () => {
    gateway.queues = [hostile()];
    await open("/q/main");
    await row(1).waitFor();
    await row(1).locator(".chip").click();
    expect(await row(1).innerText()).toContain("<img src=x");
    expect(await page.locator("main img, main script").count()).toBe(0);
    expect(await page.locator('a[href^="javascript"]').count()).toBe(0);
    expect(await page.locator(".tree a", { hasText: "Log" }).count()).toBe(0);
    expect(await page.title()).toBe("main · submitqueue");
    expect(complaints()).toEqual([]);
  });

  it("runs nothing that its own files do not hold: the policy of the answer refuses an inline script and a foreign image", async () => {
    await open("/q/main");
    await rows().first().waitFor();
    await page.evaluate(`{
      const script = document.createElement("script");
      try { script.text = "document.title = 'owned'"; } catch {}
      document.body.append(script);
      const image = document.createElement("img");
      image.src = "http://127.0.0.1:9/x.png";
      document.body.append(image);
    }`);
    expect(await page.title()).toBe("main · submitqueue");
    expect(tab.complaints.join("\n")).toMatch(/Trusted|trusted/);
    expect(tab.complaints.join("\n")).toMatch(/img-src/);
  });

  it("can be used by the keyboard alone", async () => {
    await open("/q/main");
    await rows().first().waitFor();
    await page.keyboard.press("j");
    await page.keyboard.press("j");
    await page.keyboard.press("ArrowDown");
    const focused = () => page.evaluate<string>("document.activeElement?.textContent ?? ''");
    expect(await focused()).toContain("#43");
    await page.keyboard.press("Tab");
    await page.keyboard.press("Enter");
    expect(await page.locator(".tree").count()).toBe(1);
    await page.keyboard.press("Tab");
    await page.keyboard.press("Tab");
    await page.keyboard.press("Escape");
    expect(await page.locator(".tree").count()).toBe(0);
    await page.keyboard.press("/");
    await page.keyboard.type("43");
    await page.keyboard.press("Enter");
    await page.waitForURL("**/q/main/43");
    await page.getByRole("button", { name: "Cancel" }).focus();
    await page.keyboard.press("Enter");
    await page.getByRole("dialog").waitFor();
    await page.keyboard.press("Escape");
    await page.getByRole("dialog").waitFor({ state: "detached" });
  });

  const LONGEST = "q".repeat(100);
  const longest = () => ({
    ...busy(),
    name: LONGEST,
    repository: `https://git.example.com/${"team".repeat(20)}/${"shop".repeat(20)}.git`,
    branch: "release".repeat(20),
  });
  const VIEWS = [
    ["a busy queue", "/q/main", () => [busy()]],
    ["a paused queue", "/q/main", () => [paused()]],
    ["a queue whose trunk is red", "/q/main", () => [red()]],
    ["an empty queue", "/q/main", () => [empty()]],
    ["a queue with a hostile title", "/q/main", () => [hostile()]],
    ["all queues", "/", () => [busy(), { ...paused(), name: "release" }, { ...red(), name: "docs" }]],
    ["a request that waits", "/q/main/43", () => [busy()]],
    ["a request that was refused", "/q/main/39", () => [busy()]],
    ["trends", "/q/main/trends", () => [busy()]],
    ["a search", "/q/main/search?text=acme", () => [busy()]],
    ["the longest name of a queue, and a long repository", `/q/${LONGEST}`, () => [longest(), busy()]],
    ["an address of nothing", "/q/main/no/such/place", () => [busy()]],
  ] as const;

  it.each(VIEWS)("fits 360 pixels, and axe has nothing against it, light or dark: %s", async (_, path, queues) => {
    gateway.queues = queues() as never;
    await open(path, PHONE);
    await page.locator("h1").first().waitFor();
    const chip = page.locator(".chip").first();
    if ((await chip.count()) > 0) await chip.click();
    expect(await fitsItsWidth(page)).toBe(true);
    // The schemes differ in colours alone.
    for (const [colorScheme, rules] of [
      ["light", "all"],
      ["dark", "colours"],
    ] as const) {
      await page.emulateMedia({ colorScheme });
      expect(await violationsOf(page, rules), colorScheme).toEqual([]);
    }
  });

  it("draws columns for trends, tells reasons and flaky tests, and has a table of the same", async () => {
    await open("/q/main/trends");
    await page.locator("figure").first().waitFor();
    expect(await page.locator("figure").count()).toBe(5);
    expect(await page.locator("figure").first().locator(".column").count()).toBe(48);
    expect(await page.locator("figure", { hasText: "Pass rate" }).innerText()).toMatch(/89 % passed, 2 % flaky/);
    expect(await text(".reasons li")).toMatch(/Its build failed\s+41/);
    expect(await text(".flakes li")).toMatch(
      /pays once when the gateway is slow\s+failed 9 builds of 6 requests, last 3[1-7] min ago/,
    );
    expect(await page.locator(".flaky details").innerText()).toBe("1 more");
    await page.getByText("The same as a table").click();
    expect(await page.locator("tbody tr").count()).toBeGreaterThan(20);
    expect(await page.locator("thead").innerText()).toMatch(/Flaky\s+Pass rate/);
    await page.getByText("30 days").click();
    await expect.poll(() => gateway.asked.some(({ path }) => path.endsWith("trends?by=day"))).toBe(true);
  });

  it("comes to less than 200 KB, unpacked", async () => {
    await open("/q/main");
    await rows().first().waitFor();
    const sizes = await page.evaluate<[string, number][]>(
      `[...performance.getEntriesByType("navigation"), ...performance.getEntriesByType("resource")]
        .map(({ name, decodedBodySize }) => [new URL(name).pathname, decodedBodySize])`,
    );
    expect(sizes.map(([path]) => path)).toContain("/assets/page.js");
    const total = sizes.reduce((sum, [, size]) => sum + size, 0);
    expect(total).toBeGreaterThan(50_000);
    expect(total).toBeLessThan(200_000);
  });
});

describe.skipIf(!hasBrowser)("logging in", () => {
  let provider: FakeProvider;
  beforeEach(async () => {
    provider = await FakeProvider.start();
    await gateway.stop();
    const { issuer } = provider;
    gateway = await FakeGateway.start({
      auth: "jwt",
      issuer,
      clientId: "page",
      scope: "openid queue",
      prefix: "/jwt",
      version: "1",
    });
    gateway.queues = [busy()];
    gateway.requests = [waiting()];
    gateway.answer = ({ headers }) =>
      headers.authorization?.startsWith("Bearer ") ? undefined : { status: 401, body: {} };
  });
  afterEach(() => provider.stop());

  const bearers = () => new Set(gateway.asked.map(({ headers }) => headers.authorization));

  it("goes to the provider with PKCE, comes back to the link that was opened, and brings the token with each call", async () => {
    await open("/q/main/43");
    await page.locator(".verdict").waitFor();
    expect(new URL(page.url()).pathname + new URL(page.url()).search).toBe("/q/main/43");
    const [asked] = provider.asked;
    expect(Object.fromEntries(asked ?? [])).toMatchObject({
      response_type: "code",
      client_id: "page",
      scope: "openid queue",
      redirect_uri: `${gateway.url}/`,
      code_challenge_method: "S256",
    });
    expect(bearers()).toEqual(new Set(["Bearer header.claims.signature"]));
    expect(gateway.asked.every(({ path }) => path.startsWith("/jwt/v1/"))).toBe(true);
    await page.reload();
    await page.locator(".verdict").waitFor();
    expect(provider.asked).toHaveLength(1);
    expect(complaints()).toEqual([]);
  });

  it("brings the ID token where the access token is none that an API could check", async () => {
    provider.accessToken = "opaque";
    await open("/q/main");
    await rows().first().waitFor();
    expect(bearers()).toEqual(new Set(["Bearer id.claims.signature"]));
  });

  it("takes no code that it did not ask for, and says why when the provider refuses", async () => {
    await open("/?code=stolen&state=guessed");
    await page.waitForURL("**/q/main");
    expect(provider.asked).toHaveLength(1);
    await tab.close();
    provider.refuses = "access_denied";
    await open("/q/main");
    await page.getByText("The provider refused: access_denied.").waitFor();
    expect(provider.asked).toHaveLength(2);
  });

  it("goes round no circle when the API refuses a token that was just given", async () => {
    gateway.answer = () => ({
      status: 401,
      body: { code: "caller.unauthenticated", detail: "The token has another audience." },
    });
    await open("/q/main");
    await page.getByText("The token has another audience.").waitFor();
    expect(provider.asked).toHaveLength(1);
  });
});

describe.skipIf(!hasBrowser)("a runtime that asks for a token", () => {
  beforeEach(async () => {
    await gateway.stop();
    gateway = await FakeGateway.start({ auth: "token", version: "1" });
    gateway.queues = [busy()];
    gateway.answer = ({ headers }) =>
      headers.authorization === "Bearer right" ? undefined : { status: 401, body: {} };
  });

  it("gets the token of the printed address, which leaves the address", async () => {
    await open("/q/main#token=right");
    await rows().first().waitFor();
    expect(page.url()).toBe(`${gateway.url}/q/main`);
  });

  it("gets the token that is typed", async () => {
    await open("/q/main");
    await page.getByLabel("The token that npm start has printed").fill("right");
    await page.getByRole("button", { name: "Use it" }).click();
    await rows().first().waitFor();
  });
});

describe.skipIf(!hasBrowser)("what if", () => {
  it("replays the queue's history in a worker, for other budgets", async () => {
    gateway.requests = history(40);
    await open("/q/main/what-if");
    await page.getByRole("button", { name: "Replay them" }).click();
    await page.locator("tbody tr").nth(11).waitFor();
    expect(await page.locator("tbody th").allInnerTexts()).toEqual([
      "3",
      "3, bundles of up to 4",
      "3, tips of pushes only",
      "6 (now)",
      "6, bundles of up to 4",
      "6, tips of pushes only",
      "12",
      "12, bundles of up to 4",
      "12, tips of pushes only",
      "24",
      "24, bundles of up to 4",
      "24, tips of pushes only",
    ]);
    const within = await page.locator("tbody td:nth-child(3)").allInnerTexts();
    expect(within[0]).not.toBe(within[6]);
    expect(await page.getByText("Read the figures as an example").count()).toBe(1);
    expect(complaints()).toEqual([]);
    expect(await violationsOf(page)).toEqual([]);
  });

  it("says so when there is no history yet", async () => {
    await open("/q/main/what-if");
    gateway.requests = [];
    await page.getByRole("button", { name: "Replay them" }).click();
    await page.getByText("There is no history to replay yet").waitFor();
  });
});
