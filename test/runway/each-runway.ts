import { afterEach, beforeEach } from "vitest";
import { Sandbox } from "../adapters/git/sandbox.ts";
import { Runway } from "./runway.ts";

/** The sandbox of the test that runs. */
export let sandbox: Sandbox;
/** Runway on that sandbox. */
export let runway: Runway;

export async function open(): Promise<void> {
  sandbox = new Sandbox();
  runway = await Runway.on(sandbox);
}
export function close(): void {
  sandbox.remove();
}

/** Gives each test of the file, or of a `describe`, a sandbox of its own, and runway on it. Called at the top of either. */
export function withRunway(): void {
  beforeEach(open);
  afterEach(close);
}
