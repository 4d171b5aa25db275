import { afterEach, beforeEach } from "vitest";
import { Sandbox } from "../adapters/git/sandbox.ts";
import { Runway } from "./runway.ts";

/** The sandbox of the test that runs. */
export let sandbox: Sandbox;
/** Runway on that sandbox. */
export let runway: Runway;

/** Gives each test of the file a sandbox of its own, and runway on it. Called at the top of a file. */
export function withRunway(): void {
  beforeEach(async () => {
    sandbox = new Sandbox();
    runway = await Runway.on(sandbox);
  });
  afterEach(() => sandbox.remove());
}
