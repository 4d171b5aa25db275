import { z } from "zod";
import type { Clients } from "../adapters/aws-clients.ts";
import { getPayload } from "../adapters/dynamodb/payloads.ts";
import { Composition, LandBatch, type MergeMessage, PayloadRef } from "../contracts/messages.ts";

const Referring = z.looseObject({ payload: PayloadRef });

/** For a task of the build workflow: its input with the composition in its place. No call when the composition travelled with the input. */
export const wholeComposition =
  ({ dynamodb }: Pick<Clients, "dynamodb">) =>
  async (event: unknown): Promise<unknown> => {
    const { success, data } = Referring.safeParse(event);
    return success ? { ...data, ...(await getPayload(dynamodb, data.payload, Composition)) } : event;
  };

/** What a message of merges asks for. No call when it travelled with the message. */
export const wholeLandBatch = async (
  { dynamodb }: Pick<Clients, "dynamodb">,
  message: MergeMessage,
): Promise<LandBatch> => (message.kind === "land-batch" ? message : getPayload(dynamodb, message.payload, LandBatch));
