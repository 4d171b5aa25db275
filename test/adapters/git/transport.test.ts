import { execFileSync } from "node:child_process";
import { chmodSync, existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import type { IncomingMessage, RequestListener } from "node:http";
import { createServer, type Server } from "node:https";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { openRepository } from "../../../functions/adapters/git/repository.ts";
import { Sandbox } from "./sandbox.ts";

// Two https hosts on this machine, with certificates of a certificate authority of their own.

let sandbox: Sandbox;
let authority: string;
let pair: { key: Buffer; cert: Buffer };
const servers: Server[] = [];
const changed = new Map<string, string | undefined>();

/** For this test alone. */
function setEnv(name: string, value: string | undefined): void {
  if (!changed.has(name)) changed.set(name, process.env[name]);
  if (value === undefined) delete process.env[name];
  else process.env[name] = value;
}

beforeEach(() => {
  for (const name of ["SSL_CERT_FILE", "SSL_CERT_DIR", "GIT_SSL_CAINFO", "GIT_SSL_CAPATH"]) setEnv(name, undefined);
  for (const name of ["https_proxy", "HTTPS_PROXY", "no_proxy", "NO_PROXY"]) setEnv(name, undefined);
});
beforeAll(() => {
  sandbox = new Sandbox();
  sandbox.git("update-server-info");
  const at = (name: string) => join(sandbox.directory, name);
  const openssl = (...args: string[]) => execFileSync("openssl", args, { stdio: ["ignore", "pipe", "ignore"] });
  const key = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"];
  openssl("req", "-x509", ...key, "-keyout", at("ca.key"), "-out", at("ca.pem"), "-days", "2", "-subj", "/CN=Test CA");
  openssl("req", ...key, "-keyout", at("host.key"), "-out", at("host.csr"), "-subj", "/CN=localhost");
  writeFileSync(at("names"), "subjectAltName=DNS:localhost,IP:127.0.0.1\n");
  const signing = ["-CA", at("ca.pem"), "-CAkey", at("ca.key"), "-CAcreateserial", "-extfile", at("names")];
  openssl("x509", "-req", "-in", at("host.csr"), ...signing, "-out", at("host.pem"), "-days", "2");
  authority = at("ca.pem");
  pair = { key: readFileSync(at("host.key")), cert: readFileSync(at("host.pem")) };
});
afterEach(() => {
  for (const [name, value] of changed) {
    if (value === undefined) delete process.env[name];
    else process.env[name] = value;
  }
  changed.clear();
  for (const server of servers.splice(0)) {
    server.closeAllConnections();
    server.close();
  }
});
afterAll(() => sandbox.remove());

/** A host, and what it was asked. */
async function host(name: "localhost" | "127.0.0.1", listener: RequestListener) {
  const asked: IncomingMessage[] = [];
  const server = createServer(pair, (request, response) => {
    asked.push(request);
    listener(request, response);
  }).listen(0, "127.0.0.1");
  servers.push(server);
  await new Promise((listening) => server.once("listening", listening));
  return { asked, url: `https://${name}:${(server.address() as AddressInfo).port}` };
}

/** The sandbox's remote as plain files, which git can fetch from. */
const files: RequestListener = (request, response) => {
  const path = join(sandbox.directory, (request.url ?? "").split("?")[0] ?? "");
  if (existsSync(path)) response.end(readFileSync(path));
  else response.writeHead(404).end();
};

let count = 0;
const opened = (remote: string, token?: string) =>
  openRepository({
    workDirectory: join(sandbox.directory, `work-${++count}`),
    repository: { remote, branch: "main", tokenUser: "x-access-token" },
    token,
  });

describe("a private certificate authority", () => {
  it.each(["SSL_CERT_FILE", "GIT_SSL_CAINFO"])("is believed when %s names its certificate", async (variable) => {
    const { url } = await host("localhost", files);
    setEnv(variable, authority);
    expect(await (await opened(`${url}/remote.git`)).trunk()).toBe(sandbox.base);
  });

  it("is not believed otherwise, and the refusal says what to set", async () => {
    const { url, asked } = await host("localhost", files);
    await expect((await opened(`${url}/remote.git`, "s3cret")).trunk()).rejects.toMatchObject({
      code: "repository.refused",
      message: expect.stringContaining("SSL_CERT_FILE"),
    });
    expect(asked).toEqual([]);
  });

  it("cannot be passed over by the environment", async () => {
    const { url } = await host("localhost", files);
    setEnv("GIT_SSL_NO_VERIFY", "1");
    await expect((await opened(`${url}/remote.git`)).trunk()).rejects.toMatchObject({ code: "repository.refused" });
  });
});

describe("a token", () => {
  const basic = `Basic ${Buffer.from("x-access-token:s3cret").toString("base64")}`;

  it.each([301, 302, 307, 308])("does not follow a redirect to another host (%i)", async (status) => {
    setEnv("SSL_CERT_FILE", authority);
    const elsewhere = await host("127.0.0.1", files);
    const { url, asked } = await host("localhost", (request, response) => {
      response.writeHead(status, { location: `${elsewhere.url}${request.url}` }).end();
    });
    const repository = await opened(`${url}/remote.git`, "s3cret");
    await expect(repository.trunk()).rejects.toMatchObject({
      code: "repository.refused",
      message: expect.stringMatching(/redirect/),
    });
    expect(asked.map(({ headers }) => headers.authorization)).toEqual([basic]);
    expect(elsewhere.asked).toEqual([]);
  });

  it("is sent to the remote that it is for, on a push too, and named in no error", async () => {
    setEnv("SSL_CERT_FILE", authority);
    const { url, asked } = await host("localhost", (_, response) => response.writeHead(403).end("no"));
    const repository = await opened(`${url}/remote.git`, "s3cret");
    const error = await repository.trunk().catch((thrown: unknown) => thrown);
    expect(error).toMatchObject({ code: "repository.refused" });
    expect(String(error)).not.toMatch(/s3cret|Basic/);
    await repository.git(["push", repository.remote, `${sandbox.base}:refs/heads/x`]);
    expect(asked.map(({ headers }) => headers.authorization).every((sent) => sent === basic)).toBe(true);
  });
});

describe("credentials of the machine", () => {
  it("are neither used nor asked for: .netrc, helpers, askpass, a terminal", async () => {
    setEnv("SSL_CERT_FILE", authority);
    const { url, asked } = await host("localhost", (_, response) =>
      response.writeHead(401, { "www-authenticate": 'Basic realm="x"' }).end(),
    );
    const home = join(sandbox.directory, "home");
    mkdirSync(home, { recursive: true });
    const used = join(home, "used");
    const program = join(home, "askpass");
    writeFileSync(program, `#!/bin/sh\necho "$@" >> ${used}\necho foreign\n`);
    chmodSync(program, 0o755);
    writeFileSync(join(home, ".netrc"), "machine localhost login foreign password foreign\n");
    writeFileSync(join(home, ".gitconfig"), `[credential]\n\thelper = "!${program}"\n[core]\n\taskPass = ${program}\n`);
    for (const [name, value] of Object.entries({
      ...{
        HOME: home,
        XDG_CONFIG_HOME: home,
        GIT_CONFIG_GLOBAL: join(home, ".gitconfig"),
        NETRC: join(home, ".netrc"),
      },
      ...{ GIT_ASKPASS: program, SSH_ASKPASS: program, GIT_TERMINAL_PROMPT: "1" },
    }))
      setEnv(name, value);
    await expect((await opened(`${url}/remote.git`)).trunk()).rejects.toMatchObject({ code: "repository.refused" });
    expect(asked.map(({ headers }) => headers.authorization)).toEqual([undefined]);
    expect(existsSync(used)).toBe(false);
  });

  it("of a proxy are used for the proxy, and told to no other host", async () => {
    setEnv("https_proxy", "http://user:pr0xy@127.0.0.1:1");
    const error = await (await opened("https://git.example.test/x.git")).trunk().catch((thrown: unknown) => thrown);
    expect(error).toMatchObject({ code: "repository.unavailable" });
    expect(String(error)).not.toContain("pr0xy");
  });
});
