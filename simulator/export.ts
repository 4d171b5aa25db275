import { InvalidArgumentError } from "commander";
import { ApiError } from "../client/api-error.ts";
import { Client } from "../client/client.ts";
import { answer, flagsOf, nameOf, parseFlags } from "../client/flags.ts";
import { historyOf, type Window } from "./history.ts";

interface ExportOptions extends Window {
  readonly url: string;
  readonly queue: string;
  readonly header: Readonly<Record<string, string>>;
}

function url(text: string): string {
  if (!URL.canParse(text)) throw new InvalidArgumentError("It is no URL.");
  return text;
}

function header(text: string, others: ExportOptions["header"]): ExportOptions["header"] {
  const [name = "", value] = text.split(/:\s*(.*)/s);
  if (value === undefined) throw new InvalidArgumentError("Write 'name: value'.");
  return { ...others, [name]: value };
}

const command = () =>
  flagsOf(
    "npm run -s export-history --",
    "Writes what a queue did as JSON lines, for npm run simulate -- --replay history.jsonl.",
  )
    .requiredOption("--url <url>", "of the gateway", url)
    .requiredOption("--queue <name>", "the queue", nameOf("a queue"))
    .option("--since <time>", "received at or after, as 2026-11-01T00:00:00.000Z")
    .option("--until <time>", "received before")
    .option("--header <text>", "'name: value', sent with every call, as often as given", header, {});

/** 0: done. 1: the gateway did not answer as asked. 2: the flags make no sense. */
async function main(args: readonly string[]): Promise<number> {
  const parsed = parseFlags<ExportOptions>(command(), args);
  if (parsed.kind !== "run") return answer(parsed);
  const { url, queue, header: headers, since, until } = parsed.options;
  try {
    for await (const line of historyOf(new Client({ url, headers }).queue(queue), { since, until }))
      process.stdout.write(`${JSON.stringify(line)}\n`);
    return 0;
  } catch (error) {
    if (!(error instanceof ApiError)) throw error;
    process.stderr.write(`${error.message}\n`);
    return 1;
  }
}

process.exitCode = await main(process.argv.slice(2));
