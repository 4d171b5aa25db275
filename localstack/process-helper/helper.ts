/** The helper: a small process that starts programs for a large one, and ends with it. */
import { type Dialogue, ownProcesses } from "../../functions/adapters/processes.ts";
import type { Answer, Order } from "./messages.ts";

const dialogues = new Map<number, Dialogue>();
const answer = (message: Answer): void => {
  if (process.connected) process.send?.(message, () => undefined);
};

process.on("message", (order: Order) => void obey(order));
// The programs that run are told by their closed pipes.
process.on("disconnect", () => process.exit());

async function obey(order: Order): Promise<void> {
  const { id } = order;
  switch (order.kind) {
    case "run":
      return answer({ kind: "ended", id, end: await ownProcesses.run(order.call) });
    case "start":
      return pass(id, ownProcesses.start(order.call));
    case "write":
      return dialogues.get(id)?.write(order.text);
    case "end":
      return dialogues.get(id)?.end();
  }
}

/** Hands on what a program says, until it ends. */
async function pass(id: number, dialogue: Dialogue): Promise<void> {
  dialogues.set(id, dialogue);
  let next = await dialogue.output.next();
  for (; next.done !== true; next = await dialogue.output.next()) answer({ kind: "output", id, bytes: next.value });
  dialogues.delete(id);
  answer({ kind: "closed", id, problem: next.value });
}
