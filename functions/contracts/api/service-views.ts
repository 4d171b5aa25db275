import * as z from "zod";
import { Caller } from "../caller.ts";
import { QueueName } from "../ids.ts";
import { Timestamp } from "./fields.ts";

export const Rights = z.object({
  land: z.boolean(),
  cancelOthers: z.boolean(),
  priority: z.boolean(),
  operate: z.boolean(),
});
export type Rights = z.infer<typeof Rights>;

/** GET /v1/me */
export const Me = z.object({
  /** How the API knows the caller. anonymous: the API does not ask callers who they are. */
  kind: Caller.shape.kind,
  name: z.string(),
  /** The groups that the caller's token names. */
  groups: z.array(z.string()),
  /** What the caller may do, by queue, in the order of the configuration. */
  queues: z.array(z.object({ name: QueueName, rights: Rights })),
});
export type Me = z.infer<typeof Me>;

/** GET / and /v1: the addresses of what the API has, by name. */
export const Links = z.object({ links: z.record(z.string(), z.string()) });
export type Links = z.infer<typeof Links>;

export const Ping = z.object({ service: z.literal("gateway"), version: z.string(), time: Timestamp });
export type Ping = z.infer<typeof Ping>;
