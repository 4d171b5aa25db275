import { runSimulation } from "@cloud-copilot/iam-simulate";
import { ACCOUNT } from "../../lib/cloudformation/resolver.ts";
import type { Deployment } from "./deployment.ts";

/** One action on one resource, which a principal wants to do. */
export interface Want {
  readonly action: string;
  readonly resource: string;
  /** What conditions of policies ask about the call, by the name of the key. */
  readonly context?: Readonly<Record<string, string>>;
}
export type Decision = { allowed: true } | { allowed: false; why: string };
export type Authorize = (roleArn: string, want: Want) => Promise<Decision>;

/** More distinct wants than this (executions have ARNs of their own) start the memory anew. */
const REMEMBERED = 10_000;

/**
 * Decides by the policies that the stacks synthesize: those of the role, and that of the resource. Decisions are remembered, as
 * policies do not change while a runtime lives.
 */
export function authorizer({ identityPolicies, resourcePolicies }: Deployment): Authorize {
  const decided = new Map<string, Promise<Decision>>();

  async function decide(roleArn: string, { action, resource, context }: Want): Promise<Decision> {
    const result = await runSimulation(
      {
        request: {
          principal: `arn:aws:sts::${ACCOUNT}:assumed-role/${roleArn.split("/").at(-1)}/local`,
          action,
          resource: { resource, accountId: ACCOUNT },
          contextVariables: {
            "aws:PrincipalArn": roleArn,
            "aws:PrincipalAccount": ACCOUNT,
            "aws:SecureTransport": "true",
            ...context,
          },
        },
        identityPolicies: (identityPolicies.get(roleArn) ?? []).map((policy, n) => ({ name: `policy-${n}`, policy })),
        resourcePolicy: resourcePolicies.get(resource.replace(/\/index\/.*$/, "")),
        serviceControlPolicies: [],
        resourceControlPolicies: [],
      },
      {},
    );
    if (result.resultType === "error") return { allowed: false, why: JSON.stringify(result.errors) };
    if (result.overallResult === "Allowed") return { allowed: true };
    const why =
      result.overallResult === "ExplicitlyDenied" ? "with an explicit deny" : "because no policy allows the action";
    return { allowed: false, why };
  }

  return (roleArn, want) => {
    const key = [roleArn, want.action, want.resource, JSON.stringify(want.context)].join(" ");
    const known = decided.get(key);
    if (known !== undefined) return known;
    if (decided.size >= REMEMBERED) decided.clear();
    const decision = decide(roleArn, want);
    decided.set(key, decision);
    return decision;
  };
}
