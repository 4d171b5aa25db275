import { mkdtempSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, it } from "vitest";
import type { Clients } from "../../../functions/adapters/aws-clients.ts";
import { ENV } from "../../../functions/contracts/environment.ts";
import { QueuesConfig } from "../../../functions/contracts/queues.ts";
import { epochMs } from "../../../functions/contracts/time.ts";
import { dueAt, MOST_A_MINUTE } from "../../../functions/handlers/github/due.ts";
import { wire } from "../../../functions/handlers/github/reconcile.lambda.ts";
import type { LambdaContext } from "../../../functions/handlers/on-lambda.ts";

const START = 1_800_000_000_000;
const MINUTE = 60_000;
const openIn = (repository: string, count: number) =>
  Array.from({ length: count }, (_, n) => ({ repository, pull: n + 1 }));

it("few open pull requests are compared with their requests each minute", () => {
  const open = [...openIn("acme/shop", MOST_A_MINUTE), ...openIn("other/shop", MOST_A_MINUTE)];
  for (const minute of [0, 1, 2]) expect(dueAt(open, epochMs(START + minute * MINUTE))).toEqual(open);
  expect(dueAt([], epochMs(START))).toEqual([]);
});

it("many are compared in turns: each once in so many minutes, and in none a multiple of the others", () => {
  const open = [...openIn("acme/shop", 200), ...openIn("Acme/docs", 100)];
  const turns = Array.from({ length: 10 }, (_, minute) => dueAt(open, epochMs(START + minute * MINUTE)));
  expect(
    turns
      .flat()
      .map(({ repository, pull }) => `${repository}#${pull}`)
      .sort(),
  ).toEqual(open.map(({ repository, pull }) => `${repository}#${pull}`).sort());
  expect(Math.max(...turns.map(({ length }) => length))).toBeLessThan(2 * MOST_A_MINUTE);
});

it("a run sends a look for those alone", async () => {
  const queuesFile = join(mkdtempSync(join(tmpdir(), "reconcile-")), "queues.json");
  const queue = { name: "main", repository: { remote: "https://github.com/acme/shop" }, buildRunner: { type: "fake" } };
  writeFileSync(queuesFile, JSON.stringify(QueuesConfig.parse({ github: {}, queues: [queue] })));
  const open = openIn("acme/shop", 300);
  const sent: number[] = [];
  const clients = {
    dynamodb: { send: async () => ({ Items: open }) },
    sqs: {
      send: async ({ input }: { input: { Entries: { MessageBody: string }[] } }) => {
        sent.push(...input.Entries.map(({ MessageBody }) => JSON.parse(MessageBody).pull));
        return {};
      },
    },
    secrets: { send: async () => ({ SecretString: "token" }) },
    now: () => epochMs(START),
    nonce: () => "n",
  } as unknown as Clients;
  const env = { [ENV.queuesFile]: queuesFile, [ENV.pullsTable]: "pulls", [ENV.pullsTopic]: "pulls.fifo" };
  // The secret holds no App, so what did not arrive can't be asked for: that comes last.
  await expect(wire(env, clients)({}, {} as LambdaContext)).rejects.toMatchObject({ code: "config.invalid" });
  expect(sent).toEqual(dueAt(open, epochMs(START)).map(({ pull }) => pull));
});
