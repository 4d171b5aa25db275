import { BUS } from "../ownership.ts";
import type { Finding } from "./finding.ts";
import { actionsAmong, concerns, identityStatements, resourceStatements } from "./statements.ts";
import type { Placed, Templates } from "./templates.ts";

const PUBLISH = ["events:PutEvents"];
const ADMINISTER = [
  "events:CreateEventBus",
  "events:DeleteEventBus",
  "events:PutPermission",
  "events:RemovePermission",
  "events:UpdateEventBus",
];

/** Only its owner publishes on the bus of events, no role of ours administers the bus, and no policy of the bus lets others in. */
export function busFindings(templates: Templates): readonly Finding[] {
  const buses = templates.ofType("AWS::Events::EventBus");
  const statements = [...identityStatements(templates), ...policiesOf(templates, buses)];
  return [
    ...buses.filter(({ stack }) => stack !== BUS.owner).map(strayBus),
    ...statements.flatMap((statement) =>
      statement.effect !== "Allow" || !buses.some(({ arn }) => concerns(statement, arn))
        ? []
        : statement.holders.flatMap(({ name, stack }) => {
            const excess = actionsAmong(statement, [...(stack === BUS.owner ? [] : PUBLISH), ...ADMINISTER]);
            if (excess.length === 0) return [];
            const message = `${statement.stack}: ${statement.where}: allows ${name} (${stack ?? "no role of ours"}) ${excess.join(", ")} on the bus of events`;
            return [{ rule: "bus-rights", stack: statement.stack, logicalId: statement.logicalId, message }];
          }),
    ),
  ];
}

const strayBus = ({ stack, logicalId }: Placed): Finding => ({
  rule: "bus-rights",
  stack,
  logicalId,
  message: `${stack}: ${logicalId} is a bus of events, which belongs to the ${BUS.owner}`,
});

/** A bus carries a policy itself, or a resource beside it does: either as a document, or as one statement. */
const policiesOf = (templates: Templates, buses: readonly Placed[]) => [
  ...buses.flatMap((bus) => resourceStatements(templates, bus, bus.properties["Policy"])),
  ...templates.ofType("AWS::Events::EventBusPolicy").flatMap((policy) => {
    const { Statement, Action, Principal } = policy.properties;
    const statement = Statement ?? { Effect: "Allow", Action, Principal };
    const documents = [statement].flat().map((one) => ({ Resource: buses.map(({ arn }) => arn), ...(one as object) }));
    return resourceStatements(templates, policy, { Statement: documents });
  }),
];
