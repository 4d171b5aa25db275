import { InvalidArgumentError } from "commander";
import { ApiError } from "../client/api-error.ts";
import { Client } from "../client/client.ts";
import { answer, flagsOf, nameOf, parseFlags } from "../client/flags.ts";
import { historyOf, type Window } from "./queue-history.ts";

interface ExportOptions extends Window {
  readonly url: string;
  readonly queue: string;
  readonly header?: Readonly<Record<string, string>>;
}

function url(text: string): string {
  if (!URL.canParse(text)) throw new InvalidArgumentError("Write a URL, such as http://127.0.0.1:3000.");
  return text;
}

function header(text: string, others: ExportOptions["header"] = {}): ExportOptions["header"] {
  const [name = "", value] = text.split(/:\s*(.*)/s);
  if (value === undefined) throw new InvalidArgumentError("Write the header as 'name: value'.");
  return { ...others, [name]: value };
}

const command = () =>
  flagsOf(
    "npm run -s export-history --",
    "Writes the history of a queue as JSON lines, for npm run simulate -- --replay.",
  )
    .requiredOption("--url <url>", "address of the gateway", url)
    .requiredOption("--queue <name>", "name of the queue", nameOf("a queue"))
    .option("--since <time>", "only requests received at this time or later, as 2026-11-01T00:00:00.000Z")
    .option("--until <time>", "only requests received before this time")
    .option("--header <text>", "'name: value', sent with every call; may be given several times", header);

/** The exit code. 0: the history is written. 1: the gateway refused a call. 2: the flags are refused. 3: the gateway did not answer. */
async function main(args: readonly string[]): Promise<number> {
  const parsed = parseFlags<ExportOptions>(command(), args);
  if (parsed.kind !== "run") return answer(parsed);
  const { url, queue, header: headers = {}, since, until } = parsed.options;
  try {
    const asked = new Client({ url, headers }).queue(queue);
    for await (const line of historyOf(asked, { since, until }, (notice) => process.stderr.write(`${notice}\n`)))
      process.stdout.write(`${JSON.stringify(line)}\n`);
    return 0;
  } catch (error) {
    if (!(error instanceof ApiError)) throw error;
    process.stderr.write(`${error.message}\n`);
    return error.failure.kind === "refused" ? 1 : 3;
  }
}

process.exitCode = await main(process.argv.slice(2));
