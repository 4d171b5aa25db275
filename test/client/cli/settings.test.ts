import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { resolveSettings, settingsFile } from "../../../client/cli/settings.ts";

describe("the settings of the command line", () => {
  let home = "";
  const write = (text: string) => {
    mkdirSync(join(home, ".config", "submitqueue"), { recursive: true });
    writeFileSync(join(home, ".config", "submitqueue", "config.yaml"), text);
  };
  beforeEach(() => {
    home = mkdtempSync(join(tmpdir(), "settings-"));
  });
  afterEach(() => rmSync(home, { recursive: true }));

  it("are the embedded runtime's when nothing is set", () => {
    expect(resolveSettings({}, { HOME: home })).toEqual({ url: { value: "http://127.0.0.1:3000", source: "default" } });
  });

  it("come from a flag, else from the environment, else from the file", () => {
    write("url: https://file.example\ntoken: from-file\nqueue: file\n");
    const environment = { HOME: home, SUBMITQUEUE_URL: "https://env.example", SUBMITQUEUE_QUEUE: "env" };
    expect(resolveSettings({ queue: "flag" }, environment)).toEqual({
      url: { value: "https://env.example", source: "SUBMITQUEUE_URL" },
      token: { value: "from-file", source: settingsFile(environment) },
      queue: { value: "flag", source: "--queue" },
    });
  });

  it("take an empty variable for one that is not set", () => {
    expect(resolveSettings({}, { HOME: home, SUBMITQUEUE_QUEUE: "" })).not.toHaveProperty("queue");
  });

  it.each([
    ["url: nonsense", "an http(s) URL"],
    ["url: [", "is not a settings file"],
    ["colour: red", "colour"],
    ["url: 7", "url"],
  ])("are refused when the file says %j", (text, said) => {
    write(text);
    expect(() => resolveSettings({}, { HOME: home })).toThrow(said);
  });

  it("name where a wrong one comes from", () => {
    expect(() => resolveSettings({ url: "ftp://x" }, { HOME: home })).toThrow("--url: url must be an http(s) URL");
    expect(() => resolveSettings({}, { HOME: home, SUBMITQUEUE_URL: "x" })).toThrow("SUBMITQUEUE_URL");
  });

  it("lie below XDG_CONFIG_HOME where that is set", () => {
    expect(settingsFile({ HOME: home, XDG_CONFIG_HOME: "/etc/x" })).toBe("/etc/x/submitqueue/config.yaml");
  });
});
