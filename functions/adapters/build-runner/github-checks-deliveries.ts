import { verify } from "@octokit/webhooks-methods";
import * as z from "zod";
import { buildOfBranch } from "../../contracts/build-refs.ts";
import type { BuildKey, QueueName } from "../../contracts/ids.ts";

/** What of GitHub's webhooks says which branch they are about. Actions names the branch; a status lists the branches of its commit. */
const Delivery = z.object({
  check_run: z.object({ check_suite: z.object({ head_branch: z.string().nullish() }) }).optional(),
  workflow_run: z.object({ head_branch: z.string().nullish() }).optional(),
  branches: z.array(z.object({ name: z.string() })).optional(),
});

const EVENTS: readonly string[] = ["check_run", "workflow_run", "status"];

/** The builds of a queue that a delivery is about. Undefined when GitHub did not sign it with the secret. */
export async function buildsIn(
  queue: QueueName,
  secret: string,
  body: Uint8Array,
  headers: Readonly<Record<string, string | undefined>>,
): Promise<readonly BuildKey[] | undefined> {
  const text = Buffer.from(body).toString("utf8");
  const signature = headers["x-hub-signature-256"];
  if (!signature || !text || !(await verify(secret, text, signature))) return undefined;
  if (!EVENTS.includes(headers["x-github-event"] ?? "")) return [];
  const delivery = Delivery.safeParse(jsonOf(text)).data;
  const branches = [
    delivery?.check_run?.check_suite.head_branch,
    delivery?.workflow_run?.head_branch,
    ...(delivery?.branches ?? []).map(({ name }) => name),
  ];
  return [...new Set(branches.flatMap((branch) => buildOfBranch(queue, branch ?? "") ?? []))];
}

function jsonOf(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
