/**
 * How many builds an hour a queue needs for each change an hour: below this, requests wait for a free build, and soon for hours.
 * Measured with the workload `team`, in which one change in ten fails: doc/rfc/simulator.md.
 */
const BUILDS_PER_CHANGE = 2;

/**
 * The least budget for a queue that gets so many changes an hour, when a build takes so many minutes in the mean. At least 1.
 *
 * Example: 20 changes an hour and builds of 12 minutes need 20 × 2 × 12 / 60 = 8 builds at once.
 */
export const leastBudget = (changesPerHour: number, buildMinutes: number): number =>
  Math.max(1, Math.ceil((changesPerHour * BUILDS_PER_CHANGE * buildMinutes) / 60));

/**
 * What to tell the operator of a queue whose budget is below the least. Undefined when the budget suffices, or when the queue is idle.
 *
 * Example: budgetAdvice({ budget: 4, changesPerHour: 20, buildMinutes: 12 }) names a budget of 8.
 */
export function budgetAdvice(queue: {
  readonly budget: number;
  readonly changesPerHour: number;
  readonly buildMinutes: number;
}): string | undefined {
  const { budget, changesPerHour, buildMinutes } = queue;
  const least = leastBudget(changesPerHour, buildMinutes);
  if (budget >= least) return undefined;
  return `The budget is ${budget} ${budget === 1 ? "build" : "builds"} at once. ${shown(changesPerHour)} changes an hour with builds of ${shown(buildMinutes)} minutes need about ${least}: below that, requests wait for a free build.`;
}

const shown = (value: number): string => String(Math.round(value * 10) / 10);
