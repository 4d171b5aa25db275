import * as z from "zod";
import { type Found, parse } from "./found.ts";

const InlinePolicies = z.object({ Policies: z.array(z.object({ PolicyDocument: z.unknown() })).default([]) });
const AttachedPolicy = z.object({ Roles: z.array(z.string()).default([]), PolicyDocument: z.unknown() });
export function identityPoliciesOf(resources: readonly Found[]): ReadonlyMap<string, readonly unknown[]> {
  const attached = resources
    .filter(({ type }) => type === "AWS::IAM::Policy" || type === "AWS::IAM::ManagedPolicy")
    .map((found) => parse(AttachedPolicy, found));
  const roles = resources.filter(({ type }) => type === "AWS::IAM::Role");
  return new Map(
    roles.map((role) => [
      role.arn,
      [
        ...parse(InlinePolicies, role).Policies.map(({ PolicyDocument }) => PolicyDocument),
        ...attached.filter(({ Roles }) => Roles.includes(role.ref)).map(({ PolicyDocument }) => PolicyDocument),
      ],
    ]),
  );
}

const Guarded = z.object({ ResourcePolicy: z.object({ PolicyDocument: z.unknown() }).optional() });
const Replicated = z.object({ Replicas: z.array(Guarded).default([]) });
const QueuePolicy = z.object({ Queues: z.array(z.string()), PolicyDocument: z.unknown() });
export function resourcePoliciesOf(resources: readonly Found[]): ReadonlyMap<string, unknown> {
  const policies = new Map<string, unknown>();
  for (const found of resources) {
    if (found.type === "AWS::SQS::QueuePolicy") {
      const { Queues, PolicyDocument } = parse(QueuePolicy, found);
      for (const queue of resources) if (Queues.includes(queue.ref)) policies.set(queue.arn, PolicyDocument);
    }
    if (found.type.startsWith("AWS::DynamoDB::")) {
      const { ResourcePolicy } = parse(Guarded, found);
      const guard = ResourcePolicy ?? parse(Replicated, found).Replicas[0]?.ResourcePolicy;
      if (guard !== undefined) policies.set(found.arn, guard.PolicyDocument);
    }
  }
  return policies;
}
