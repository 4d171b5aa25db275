import * as z from "zod";
import type { RuleSpec, ScheduleSpec } from "../deployment.ts";
import { type Found, parse } from "./found.ts";

const UNITS: Readonly<Record<string, number>> = { minute: 60_000, hour: 3_600_000, day: 86_400_000 };
const Rate = z.string().transform((expression, ctx) => {
  const match = /^rate\((\d+) (minute|hour|day)s?\)$/.exec(expression);
  if (match) return Number(match[1]) * (UNITS[match[2] ?? ""] ?? 0);
  ctx.addIssue({ code: "custom", message: `only rate(…) schedules run here, not ${expression}` });
  return z.NEVER;
});
const Target = z.object({ Arn: z.string(), Input: z.string().optional() });
const Schedule = z.object({
  ScheduleExpression: Rate.optional(),
  State: z.string().default("ENABLED"),
  Target: Target.optional(),
  Targets: z.array(Target).default([]),
});
export function scheduleOf(found: Found): ScheduleSpec[] {
  const { ScheduleExpression: everyMs, State, Target, Targets } = parse(Schedule, found);
  if (everyMs === undefined || State !== "ENABLED") return [];
  return [...Targets, ...(Target ? [Target] : [])].map(({ Arn, Input }) => ({
    name: found.id,
    everyMs,
    functionArn: Arn,
    input: Input === undefined ? undefined : JSON.parse(Input),
  }));
}

const EventRule = z.object({
  EventBusName: z.string().default("default"),
  EventPattern: z.unknown(),
  State: z.string().default("ENABLED"),
  Targets: z
    .array(
      z.strictObject({
        Arn: z.string(),
        Id: z.string(),
        InputPath: z.string().optional(),
        RetryPolicy: z.unknown().optional(),
      }),
    )
    .default([]),
});
export function ruleOf(found: Found): RuleSpec[] {
  if (found.properties["EventPattern"] === undefined) return [];
  const { EventBusName, EventPattern, State, Targets } = parse(EventRule, found);
  if (State !== "ENABLED") return [];
  const targets = Targets.map(({ Arn, InputPath }) => ({ arn: Arn, inputPath: InputPath }));
  return [{ name: found.id, bus: EventBusName, pattern: EventPattern, targets }];
}
