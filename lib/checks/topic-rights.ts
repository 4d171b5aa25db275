import { TOPICS, type TopicName } from "../ownership.ts";
import { METADATA } from "../settings.ts";
import type { Finding } from "./finding.ts";
import { actionsAmong, concerns, identityStatements, resourceStatements, type Statement } from "./statements.ts";
import type { Placed, Templates } from "./templates.ts";

const SEND = ["sqs:SendMessage"];
const TAKE = ["sqs:ReceiveMessage", "sqs:DeleteMessage", "sqs:ChangeMessageVisibility"];
const ADMINISTER = [
  "sqs:AddPermission",
  "sqs:CreateQueue",
  "sqs:DeleteQueue",
  "sqs:PurgeQueue",
  "sqs:RemovePermission",
  "sqs:SetQueueAttributes",
  "sqs:StartMessageMoveTask",
];

interface TopicQueue extends Placed {
  readonly label: string;
  readonly senders: readonly string[];
  readonly takers: readonly string[];
  /** AWS services that send. */
  readonly services: readonly string[];
}

/** Who may send to a topic, and who may take from it, as lib/ownership.ts says. No role of the app takes from dead letters. */
export function topicFindings(templates: Templates): readonly Finding[] {
  const { queues, findings } = knownQueues(templates);
  const statements = [
    ...identityStatements(templates),
    ...templates
      .ofType("AWS::SQS::QueuePolicy")
      .flatMap((policy) => resourceStatements(templates, policy, policy.properties["PolicyDocument"])),
  ];
  return [...findings, ...statements.flatMap((statement) => allowanceFindings(statement, queues))];
}

function knownQueues(templates: Templates): { queues: readonly TopicQueue[]; findings: readonly Finding[] } {
  const findings: Finding[] = [];
  const queues: TopicQueue[] = [];
  for (const placed of templates.ofType("AWS::SQS::Queue")) {
    const main = topicOf(placed.metadata[METADATA.topic]);
    const dead = topicOf(placed.metadata[METADATA.deadLettersOf]);
    if (main !== undefined) {
      const topic = TOPICS[main];
      const services = "services" in topic ? topic.services : [];
      const takers = [topic.consumer];
      queues.push({ ...placed, label: `the topic ${main}`, senders: topic.senders, takers, services });
    } else if (dead !== undefined) {
      queues.push({
        ...placed,
        label: `the dead letters of ${dead}`,
        senders: [TOPICS[dead].consumer],
        takers: [],
        services: [],
      });
    } else {
      const message = `${placed.stack}: ${placed.logicalId} is a queue that lib/ownership.ts does not know`;
      findings.push({ rule: "topic-rights", stack: placed.stack, logicalId: placed.logicalId, message });
    }
  }
  return { queues, findings };
}

const topicOf = (value: unknown): TopicName | undefined =>
  typeof value === "string" && value in TOPICS ? (value as TopicName) : undefined;

function allowanceFindings(statement: Statement, queues: readonly TopicQueue[]): readonly Finding[] {
  if (statement.effect !== "Allow") return [];
  return queues
    .filter(({ arn }) => concerns(statement, arn))
    .flatMap((queue) =>
      statement.holders.flatMap(({ name, stack }) => {
        const may = (stacks: readonly string[]) => stack !== undefined && stacks.includes(stack);
        const excess = actionsAmong(statement, [
          ...(may(queue.senders) || queue.services.includes(name) ? [] : SEND),
          ...(may(queue.takers) ? [] : TAKE),
          ...ADMINISTER,
        ]);
        if (excess.length === 0) return [];
        const message = `${statement.stack}: ${statement.where}: allows ${name} (${stack ?? "no role of ours"}) ${excess.join(", ")} on ${queue.label}`;
        return [{ rule: "topic-rights", stack: statement.stack, logicalId: statement.logicalId, message }];
      }),
    );
}
