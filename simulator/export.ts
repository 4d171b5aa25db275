import { parseArgs } from "node:util";
import { type Get, historyOf } from "./history.ts";

const USAGE = `Usage: npm run -s export-history -- --url URL --queue NAME [flags] > history.jsonl

Writes what a queue did as JSON lines, for npm run simulate -- --replay history.jsonl.

  --url URL        of the gateway
  --queue NAME
  --since TIME     received at or after, as 2026-11-01T00:00:00.000Z
  --until TIME     received before
  --header 'N: V'  sent with every call, as often as given
  --help`;

const FLAGS = {
  url: { type: "string" },
  queue: { type: "string" },
  since: { type: "string" },
  until: { type: "string" },
  header: { type: "string", multiple: true },
  help: { type: "boolean", default: false },
} as const;

/** 0: done. 1: the gateway did not answer as asked. 2: the flags make no sense. */
async function main(args: readonly string[]): Promise<number> {
  const flags = flagsIn(args);
  if (typeof flags === "string") return refuse(2, `${flags}\n\n${USAGE}`);
  const { url = "", queue, since, until, header = [], help } = flags;
  if (help) {
    process.stdout.write(`${USAGE}\n`);
    return 0;
  }
  if (!URL.canParse(url)) return refuse(2, `--url: ${url || "nothing"} is no URL\n\n${USAGE}`);
  if (queue === undefined) return refuse(2, `--queue: which one?\n\n${USAGE}`);
  const headers = header.map((text) => text.split(/:\s*(.*)/s).slice(0, 2) as [string, string]);
  if (headers.some(([, value]) => value === undefined)) return refuse(2, `--header: write 'name: value'\n\n${USAGE}`);
  try {
    for await (const line of historyOf(getFrom(url, headers), { queue, since, until }))
      process.stdout.write(`${JSON.stringify(line)}\n`);
    return 0;
  } catch (error) {
    return refuse(1, messageOf(error));
  }
}

/** Or what is wrong with them. */
function flagsIn(args: readonly string[]) {
  try {
    return parseArgs({ args: [...args], options: FLAGS, strict: true }).values;
  } catch (error) {
    return messageOf(error);
  }
}

function getFrom(url: string, headers: [string, string][]): Get {
  return async (path) => {
    const response = await fetch(`${url.replace(/\/+$/, "")}${path}`, { headers });
    if (response.ok) return response.json();
    throw new Error(`GET ${path}: ${response.status} ${await response.text()}`);
  };
}

function refuse(code: number, problem: string): number {
  process.stderr.write(`${problem}\n`);
  return code;
}

/** What fetch says is in its cause. */
function messageOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  return error.cause instanceof Error ? `${error.message}: ${error.cause.message}` : error.message;
}

process.exitCode = await main(process.argv.slice(2));
