import { Command } from "commander";
import type { QueueView } from "../../functions/contracts/api/queue-views.ts";
import type { QueueClient } from "../client.ts";
import type { QueueNow } from "../queue-now.ts";
import { modeOf, statisticsOf } from "./queue-lines.ts";
import type { Run } from "./requests.ts";
import type { Session } from "./session.ts";
import { styled, table } from "./terminal.ts";
import { trendsCommand } from "./trends.ts";

export const queuesCommand = (run: Run): Command =>
  new Command("queues").description("all queues, and how they run").action(() =>
    run(async (session) => {
      const queues = await session.client.queues();
      const rows = queues.map((queue) => [queue.name, queue.repository, queue.branch, modeOf(session.terminal, queue)]);
      const columns = [
        { title: "QUEUE" },
        { title: "REPOSITORY", flexible: true },
        { title: "BRANCH" },
        { title: "MODE", flexible: true },
      ] as const;
      session.show(queues, () => table(session.terminal, columns, rows));
      return 0;
    }),
  );

/** `queue show|pause|drain|resume|trends [name]`. */
export function queueCommand(run: Run): Command {
  const group = new Command("queue").description("one queue: show it and its trends, or change how it runs");
  const verb = (
    name: string,
    description: string,
    work: (queue: QueueClient, reason?: string) => Promise<QueueView>,
  ) => {
    const command = new Command(name)
      .description(description)
      .argument("[queue]", "the queue (default: the one of the settings)");
    if (name === "pause" || name === "drain") command.option("--reason <text>", "for those who wonder why");
    group.addCommand(
      command.action((queueName: string | undefined, { reason }: { readonly reason?: string }) =>
        run(async (session) => {
          const queue = queueName === undefined ? await session.queue() : session.client.queue(queueName);
          const view = await work(queue, reason);
          session.show(view, () => queueLines(session, view));
          return 0;
        }),
      ),
    );
  };
  verb("show", "where it lands, and how it runs", (queue) => queue.show());
  verb("pause", "take requests, and land none until it is resumed", (queue, reason) => queue.pause(reason));
  verb("drain", "land what it holds, and take nothing new until it is resumed", (queue, reason) => queue.drain(reason));
  verb("resume", "end a pause or a drain", (queue) => queue.resume());
  return group.addCommand(trendsCommand(run));
}

const queueLines = (session: Session, queue: QueueNow): string =>
  [
    ["queue", queue.name],
    ["lands on", `${queue.branch} of ${queue.repository}`],
    ["strategy", queue.strategy],
    ["mode", modeOf(session.terminal, queue)],
    ...statisticsOf(queue),
  ]
    .map(([name = "", value]) => `${styled(session.terminal, "dim", name.padEnd(10))}${value}`)
    .join("\n");
