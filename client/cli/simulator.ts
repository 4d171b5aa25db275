import { Command } from "commander";
import { below, examples } from "./help-text.ts";
import type { Run } from "./requests.ts";
import type { HistoryWindow, Simulator } from "./simulator-port.ts";

export const exportCommand = (run: Run, { history }: Simulator): Command =>
  new Command("export")
    .description("write the history of a queue as JSON lines, for simulate")
    .option("--since <time>", "only requests received at this time or later, as 2026-11-01T00:00:00.000Z")
    .option("--until <time>", "only requests received before this time")
    .addHelpText(
      "after",
      below(examples("submitqueue export > history.jsonl", "submitqueue simulate --replay history.jsonl")),
    )
    .action((window: HistoryWindow) =>
      run(async (session) => {
        const queue = await session.queue();
        const leftOut = (notice: string) => session.terminal.err(`${notice}\n`);
        for await (const line of history(queue, window, leftOut)) session.terminal.out(`${JSON.stringify(line)}\n`);
        return 0;
      }),
    );

export const simulateCommand = (run: Run, { simulate }: Simulator): Command =>
  new Command("simulate")
    .description("what would another budget or policy have done? See: submitqueue simulate --help")
    .helpOption(false)
    .allowUnknownOption()
    .argument("[flags...]", "of the simulator")
    .action((flags: readonly string[]) => run(({ json }) => simulate([...flags, ...(json ? ["--json"] : [])])));
