import { type CfnResource, Lazy, RemovalPolicy } from "aws-cdk-lib";
import { AttributeType, BillingMode, Table, TableEncryption } from "aws-cdk-lib/aws-dynamodb";
import { AnyPrincipal, Effect, Policy, PolicyDocument, PolicyStatement } from "aws-cdk-lib/aws-iam";
import { Construct } from "constructs";
import { KEY } from "../../functions/contracts/tables.ts";
import { TABLES, type TableName } from "../ownership.ts";
import { METADATA, type Settings } from "../settings.ts";
import type { LambdaFunction } from "./lambda-function.ts";

export type TableAction =
  | "BatchGetItem"
  | "BatchWriteItem"
  | "DeleteItem"
  | "GetItem"
  | "PutItem"
  | "Query"
  | "UpdateItem";

/**
 * A table that belongs to one stack. Its resource policy refuses data actions to every principal but the roles that were granted them,
 * also when their own policies allow it: administrators included, who keep the actions on the table as a whole.
 */
export class OwnedTable extends Construct {
  readonly table: Table;
  readonly #tableKey: TableName;
  readonly #roleArns = new Set<string>();

  constructor(scope: Construct, id: string, name: TableName, { deletionProtection }: Settings) {
    super(scope, id);
    this.#tableKey = name;
    const string = (key: string) => ({ name: key, type: AttributeType.STRING });
    this.table = new Table(this, "Table", {
      partitionKey: string(KEY.pk),
      sortKey: string(KEY.sk),
      timeToLiveAttribute: KEY.ttl,
      billingMode: BillingMode.PAY_PER_REQUEST,
      encryption: TableEncryption.AWS_MANAGED,
      pointInTimeRecoverySpecification: { pointInTimeRecoveryEnabled: true },
      deletionProtection,
      removalPolicy: deletionProtection ? RemovalPolicy.RETAIN : RemovalPolicy.DESTROY,
      resourcePolicy: new PolicyDocument({ statements: [this.#refuseStrangers()] }),
    });
    (this.table.node.defaultChild as CfnResource).addMetadata(METADATA.table, name);
  }

  /** The table's name in the function's environment, and these actions for its role. */
  grant(to: LambdaFunction, env: string, ...actions: readonly TableAction[]): void {
    // The table refers to the role, and the role's policy, a resource of its own, to the table: inline policies would make a circle.
    to.allow([this.table.tableArn], ...actions.map((action) => `dynamodb:${action}`));
    to.addEnvironment(env, this.table.tableName);
    const denied: readonly string[] = TABLES[this.#tableKey].denied;
    if (actions.some((action) => denied.includes(`dynamodb:${action}`))) this.#roleArns.add(to.roleArn);
  }

  /**
   * These reads for functions of another stack, in a policy of this stack: the other stack's template need not know the table, so the two
   * stacks do not refer to each other. The functions learn the table's name from what they are sent.
   */
  lend(to: readonly LambdaFunction[], ...actions: readonly ("GetItem" | "Query")[]): void {
    new Policy(this, "Readers", {
      roles: to.map(({ role }) => role),
      statements: [
        new PolicyStatement({
          actions: actions.map((action) => `dynamodb:${action}`),
          resources: [this.table.tableArn],
        }),
      ],
    });
  }

  #refuseStrangers(): PolicyStatement {
    return new PolicyStatement({
      sid: "RefuseStrangers",
      effect: Effect.DENY,
      principals: [new AnyPrincipal()],
      actions: [...TABLES[this.#tableKey].denied],
      // The table itself: its own policy can't name its ARN, and applies to nothing else.
      resources: ["*"],
      conditions: {
        ArnNotEquals: { "aws:PrincipalArn": Lazy.list({ produce: () => [...this.#roleArns] }) },
      },
    });
  }
}
