import { spawn } from "node:child_process";
import { chmodSync, existsSync, mkdirSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { createInterface } from "node:readline";
import { GetCommand } from "@aws-sdk/lib-dynamodb";
import { describe, expect, it } from "vitest";
import { openStateDirectory } from "../../localstack/embedded/state-directory.ts";
import { aRuntime, aStateDirectory, journal } from "./fixture/runtime.ts";

/** Runs the victim until it has taken its message and its task, then calls `meanwhile`, then kills it without warning. */
async function killedInTheMiddle(stateDirectory: string, meanwhile: () => Promise<void>): Promise<void> {
  const victim = spawn(process.execPath, [join(import.meta.dirname, "fixture", "victim.ts"), stateDirectory], {
    stdio: ["ignore", "pipe", "inherit"],
  });
  const exited = new Promise((resolve) => victim.once("exit", resolve));
  try {
    const awaited = new Set(["message", "task"]);
    for await (const line of createInterface({ input: victim.stdout })) {
      awaited.delete(line);
      if (awaited.size === 0) break;
    }
    expect([...awaited]).toEqual([]);
    await meanwhile();
  } finally {
    victim.kill("SIGKILL");
    await exited;
  }
}

describe("a state directory", () => {
  it("is refused to a second runtime while the first lives, and survives its being killed with all it holds", async () => {
    const stateDirectory = aStateDirectory();
    await killedInTheMiddle(stateDirectory, async () => {
      await expect(aRuntime({}, { stateDirectory })).rejects.toMatchObject({
        name: "StateInUse",
        message: expect.stringMatching(/in use by another runtime \(process \d+\)/),
      });
    });
    const events = journal<unknown>();
    const note = async (event: unknown) => {
      events.write(event);
      return {};
    };
    const { operator } = await aRuntime({ Worker: note, Step: note }, { stateDirectory });
    const [first, second] = await events.upTo(2);
    const attributes = expect.objectContaining({ ApproximateReceiveCount: "1" });
    expect([first, second]).toEqual(
      expect.arrayContaining([
        { land: "q/1" },
        { Records: [expect.objectContaining({ body: "in flight", attributes })] },
      ]),
    );
    const { Item } = await operator.dynamodb.send(
      new GetCommand({ TableName: "services-Table", Key: { pk: "a", sk: "b" } }),
    );
    expect(Item).toMatchObject({ kept: true });
  });

  it.each<[string, (path: string) => void]>([
    ["is made", () => {}],
    ["was open to other users", (path) => mkdirSync(path, { mode: 0o755 })],
    [
      "was open to every caller",
      (path) => {
        mkdirSync(path);
        chmodSync(path, 0o777);
      },
    ],
  ])("that %s is closed to other users", async (_, prepare) => {
    const stateDirectory = join(aStateDirectory(), "state");
    prepare(stateDirectory);
    await aRuntime({}, { stateDirectory });
    expect(statSync(stateDirectory).mode & 0o777).toBe(0o700);
  });

  it("that users share, such as /tmp, is refused and left as it is", async () => {
    const stateDirectory = join(aStateDirectory(), "shared");
    mkdirSync(stateDirectory);
    chmodSync(stateDirectory, 0o1777);
    await expect(aRuntime({}, { stateDirectory })).rejects.toMatchObject({ name: "StateNotPrivate" });
    expect(statSync(stateDirectory).mode & 0o7777).toBe(0o1777);
  });

  it("whose lock can't be read, as after the loss of power, is opened all the same", () => {
    const stateDirectory = aStateDirectory();
    writeFileSync(join(stateDirectory, "lock.db"), "no database ".repeat(500));
    openStateDirectory(stateDirectory).release();
    const held = openStateDirectory(stateDirectory);
    expect(() => openStateDirectory(stateDirectory)).toThrow("in use");
    held.release();
  });

  it.each(["tables/CURRENT", "topics/fauxqs.db", "workflows/executions.db"])(
    "whose %s is damaged is refused, with the name of the part and what to do",
    async (file) => {
      const stateDirectory = aStateDirectory();
      mkdirSync(join(stateDirectory, dirname(file)));
      writeFileSync(join(stateDirectory, file), "no database ".repeat(500));
      const message = expect.stringMatching(new RegExp(`/${dirname(file)} can't be read: .*move .* away`));
      await expect(aRuntime({}, { stateDirectory })).rejects.toMatchObject({ name: "StateUnusable", message });
    },
  );

  it.each([
    ["is a file", ""],
    ["is below a file", "/below"],
  ])("that %s is refused, with what to do", (_, below) => {
    const file = join(aStateDirectory(), "file");
    writeFileSync(file, "");
    const refused = { name: "StateUnusable", message: expect.stringMatching(/can't keep the state: .*Name another/) };
    expect(() => openStateDirectory(`${file}${below}`)).toThrow(expect.objectContaining(refused));
  });

  it("is free again when a start fails, and when a runtime has stopped", async () => {
    const stateDirectory = aStateDirectory();
    await expect(aRuntime({}, { stateDirectory, root: "/nowhere" })).rejects.toThrow(/nowhere/);
    const runtime = await aRuntime({}, { stateDirectory });
    await runtime.stop();
    await aRuntime({}, { stateDirectory });
  });
});

describe("a function", () => {
  it("sees its own environment and nothing else, with Lambda's directories inside the state directory", async () => {
    const stateDirectory = aStateDirectory();
    const seen = journal<object>();
    const { url } = await aRuntime(
      {
        Api: async (_event, _clients, env) => {
          seen.write(env);
          return {};
        },
      },
      { stateDirectory },
    );
    await fetch(`${url}/`);
    const [env] = await seen.upTo(1);
    expect(env).toEqual({
      SCRIPT: "Api",
      JOBS: expect.stringMatching(/^http:\/\/aws\.submitqueue\.invalid\/000000000000\/shared-Jobs\.fifo$/),
      CONFIG: join(stateDirectory, "task", "config.json"),
      SCRATCH: join(stateDirectory, "tmp", "fixture", "Api", "scratch"),
    });
  });

  it("logs to a file of its own, one JSON document a line", async () => {
    const stateDirectory = aStateDirectory();
    const { url } = await aRuntime(
      {
        Api: async (_event, { log }) => {
          log.info({ sqid: "q/1" }, "accepted");
          throw new Error("and then it broke");
        },
      },
      { stateDirectory },
    );
    expect((await fetch(`${url}/`)).status).toBe(500);
    const lines = readFileSync(join(stateDirectory, "log", "fixture-Api.log"), "utf8")
      .trimEnd()
      .split("\n");
    expect(lines.map((line) => JSON.parse(line))).toMatchObject([
      { function: "fixture/Api", sqid: "q/1", msg: "accepted" },
      { level: 50, err: { message: "and then it broke" } },
    ]);
  });

  it("is called by its schedule at the start, and again at its rate", async () => {
    const calls = journal<unknown>();
    await aRuntime({ Clock: async (event) => calls.write(event) }, { schedulesEveryMs: 5 });
    const [first] = await calls.upTo(3);
    expect(first).toMatchObject({ source: "aws.events", "detail-type": "Scheduled Event" });
  });
});

describe("stopping", () => {
  it("finishes what is being worked on", async () => {
    const stateDirectory = aStateDirectory();
    const order = journal<string>();
    const { promise: gate, resolve: open } = Promise.withResolvers<void>();
    const runtime = await aRuntime(
      {
        Api: async () => {
          order.write("begun");
          await gate;
          order.write("done");
          return "answer";
        },
      },
      { stateDirectory },
    );
    const answer = fetch(`${runtime.url}/`).then((response) => response.text());
    await order.upTo(1);
    const stopped = runtime.stop().then(() => order.write("stopped"));
    open();
    expect(await answer).toBe('"answer"');
    await stopped;
    expect(order.entries).toEqual(["begun", "done", "stopped"]);
    expect(existsSync(join(stateDirectory, "lock.db"))).toBe(true);
  });
});
