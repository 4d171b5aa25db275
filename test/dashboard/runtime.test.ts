import type { Browser } from "playwright-core";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { FAKE, startTopology, type Topology } from "../support/topology.ts";
import { hasBrowser, openTab, startBrowser, type Tab } from "./browser.ts";

let topology: Topology;
let browser: Browser;
let tab: Tab;
beforeAll(async () => {
  if (!hasBrowser) return;
  [topology, browser] = await Promise.all([startTopology({ main: FAKE }), startBrowser()]);
});
afterAll(async () => {
  await browser?.close();
  await topology?.stop();
});

describe.skipIf(!hasBrowser)("the page of a queue that runs", () => {
  it("shows a change from Land to landed without being asked, who asked, and its trends", async () => {
    const { lane, remote } = topology.at("main");
    tab = await openTab(browser);
    const { page } = tab;
    await page.goto(topology.url);
    await page.waitForURL("**/q/main");
    await page.getByText("Nothing is in the queue").waitFor();
    const { sqid } = await lane.land(await remote.change("hello", { "hello.txt": "hello\n" }));
    await page.locator(`.row a[href="/q/${sqid}"], .ended a[href="/q/${sqid}"]`).first().waitFor();
    await page.locator(`.end-landed a[href="/q/${sqid}"]`).waitFor();
    await page.locator(`.end-landed a[href="/q/${sqid}"]`).click();
    await page.locator(".verdict.end-landed").waitFor();
    expect(await page.locator(".timeline").innerText()).toMatch(
      /Asked to land[\s\S]*Build started[\s\S]*Landed as [0-9a-f]{12}/,
    );
    await page.getByRole("link", { name: "Trends" }).click();
    await page.getByText("1 landing, 0 refused").waitFor();
    expect(tab.complaints).toEqual([]);
    await tab.close();
  });

  it("pauses the queue, and every user who looks sees it", async () => {
    const [mine, other] = [await openTab(browser), await openTab(browser)];
    for (const { page } of [mine, other]) await page.goto(`${topology.url}/q/main`);
    await mine.page.getByRole("button", { name: "Pause" }).click();
    await mine.page.getByLabel(/Why\?/).fill("release day");
    await mine.page.getByRole("dialog").getByRole("button", { name: "Pause" }).click();
    await other.page.getByText("Paused: nothing lands.").waitFor();
    expect(await other.page.locator(".banner").innerText()).toContain("release day");
    await other.page.getByRole("button", { name: "Resume" }).click();
    await other.page.getByRole("dialog").getByRole("button", { name: "Resume" }).click();
    await mine.page.locator(".banner").waitFor({ state: "detached" });
    for (const one of [mine, other]) await one.close();
  });
});
