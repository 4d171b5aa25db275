/** The process that synthesizes for another: it gets an order, tells how that ended, and ends. */
import { QueuesFileError } from "../../lib/queues-file.ts";
import type { SynthesisEnd, SynthesisOrder } from "./synthesis.ts";
import { synthesizeInto } from "./synthesize.ts";

process.once("message", (order: SynthesisOrder) => {
  process.send?.(endOf(order), () => process.disconnect());
});

function endOf(order: SynthesisOrder): SynthesisEnd {
  try {
    synthesizeInto(order);
    return { kind: "done" };
  } catch (error) {
    if (error instanceof QueuesFileError) return { kind: "misconfigured", problems: error.problems };
    const stack = error instanceof Error ? (error.stack ?? error.message) : String(error);
    const code = error instanceof Error && "code" in error ? { code: String(error.code) } : {};
    return { kind: "failed", stack, ...code };
  }
}
