import { synthesize } from "../../lib/app.ts";
import { orderFor, type SynthesisOrder, type Synthesizer } from "./synthesis.ts";
import { readAssembly } from "./template.ts";

/** Synthesizes in this process, which has loaded the CDK for good then. */
export const synthesizeHere: Synthesizer = (state, queues, apiAuth) => {
  const order = orderFor(state, queues, apiAuth);
  synthesizeInto(order);
  return readAssembly(order.outdir);
};

export const synthesizeInto = (order: SynthesisOrder): void => {
  synthesize({ ...order, target: "embedded", deletionProtection: false });
};
