import type { Death, World } from "./world.ts";

/** True for a call that changes nothing: to die after the call is to die before it. */
export const isReading = (call: string): boolean => /^(Get|Query|BatchGet|List|Describe)[A-Z]|^get /.test(call);

/**
 * Each moment at which a handler can be cut off: before each of its calls takes effect, and after each call that changes something. Ends at the
 * first call that the handler does not make. To be given to `dieAt` of the world of the time, before the next one is asked for.
 */
export function* deaths(world: () => World): Generator<{ death: Death; where: string }> {
  for (let at = 1; ; at++) {
    yield { death: { at, moment: "before" }, where: `before call ${at} took effect` };
    const { diedAt } = world();
    if (diedAt === undefined) return;
    if (!isReading(diedAt)) yield { death: { at, moment: "after" }, where: `after call ${at}, ${diedAt}` };
  }
}
