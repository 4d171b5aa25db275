import { describe, expect, it } from "vitest";
import { foreignIn } from "../../localstack/embedded/loopback.ts";

const HOST = "127.0.0.1:3000";

describe("a request of a program, or of a page of this server, is taken", () => {
  it.each([
    "localhost",
    "localhost:3000",
    "LocalHost:3000",
    "localhost.",
    "localhost.:3000",
    "127.0.0.1",
    "127.0.0.1:80",
    "127.0.0.1.:3000",
    "[::1]",
    "[::1]:3000",
  ])("with the Host %s", (host) => {
    expect(foreignIn({ host })).toBeUndefined();
  });

  it.each<Record<string, string>>([
    { host: HOST, origin: `http://${HOST}` },
    { host: "localhost", origin: "http://localhost" },
    { host: "LOCALHOST:3000", origin: "http://localhost:3000" },
    { host: "[::1]:3000", origin: "http://[::1]:3000", "sec-fetch-site": "same-origin" },
    { host: HOST, "sec-fetch-site": "same-origin" },
    { host: HOST, "sec-fetch-site": "none" },
  ])("with %j", (headers) => {
    expect(foreignIn(headers)).toBeUndefined();
  });
});

describe("a request that a page of another site may have sent is foreign", () => {
  it.each([
    undefined,
    "",
    "evil.example",
    "evil.example:3000",
    "localhost.evil.example",
    "localhost.evil.example:3000",
    "127.0.0.1.evil.example",
    "127.0.0.1.nip.io:3000",
    "evil-localhost",
    "sub.localhost:3000",
    "localhost..",
    "localhost:",
    "localhost:port",
    "localhost:3000@evil.example",
    "user@localhost",
    "localhost, evil.example",
    "localhost/evil",
    "localhost evil.example",
    "0.0.0.0:3000",
    "127.1",
    "127.0.0.2",
    "2130706433",
    "0x7f000001",
    "192.168.0.2:3000",
    "[::]",
    "[::ffff:127.0.0.1]",
    "[::1].evil.example",
    "::1",
    "[::1%25lo]",
  ])("with the Host %s, to which a page can point a name of its own", (host) => {
    expect(foreignIn(host === undefined ? {} : { host })).toMatchObject({
      header: "host",
      why: expect.stringMatching(/localhost, 127\.0\.0\.1 or \[::1\]/),
    });
  });

  it.each([
    "https://evil.example",
    "null",
    "",
    "http://localhost:3000",
    "http://127.0.0.1:5173",
    "http://127.0.0.1",
    "https://127.0.0.1:3000",
    "http://127.0.0.1:3000.evil.example",
    "http://127.0.0.1:3000/",
    "http://127.0.0.1:3000, https://evil.example",
    "http://user@127.0.0.1:3000",
    "file://",
    "chrome-extension://abcdefghijklmnop",
  ])("with the Origin %s", (origin) => {
    expect(foreignIn({ host: HOST, origin })).toMatchObject({ header: "origin" });
  });

  it.each(["cross-site", "same-site", "", "other"])("with Sec-Fetch-Site: %s, by every method", (site) => {
    expect(foreignIn({ host: HOST, "sec-fetch-site": site })).toMatchObject({ header: "sec-fetch-site" });
  });
});
