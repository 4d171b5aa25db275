import * as z from "zod";
import type { Clients } from "../adapters/aws-clients.ts";
import { getPayload } from "../adapters/dynamodb/payloads.ts";
import { LandBatch, type MergeMessage } from "../contracts/messages/landing-messages.ts";
import { PayloadRef } from "../contracts/messages/payload-ref.ts";
import { Composition } from "../contracts/messages/runway-tasks.ts";

const Referring = z.looseObject({ payload: PayloadRef });

/**
 * Completes the input of a task of the build workflow with its composition. No call when the input holds the composition already; else one
 * per 300 KB.
 */
export const wholeComposition =
  ({ dynamodb }: Pick<Clients, "dynamodb">) =>
  async (event: unknown): Promise<unknown> => {
    const { success, data } = Referring.safeParse(event);
    return success ? { ...data, ...(await getPayload(dynamodb, data.payload, Composition)) } : event;
  };

/** The LandBatch of a message of the topic merges. No call when the message holds the LandBatch itself; else one per 300 KB. */
export const wholeLandBatch = async (
  { dynamodb }: Pick<Clients, "dynamodb">,
  message: MergeMessage,
): Promise<LandBatch> => (message.kind === "land-batch" ? message : getPayload(dynamodb, message.payload, LandBatch));
