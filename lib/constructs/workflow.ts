import {
  ArnFormat,
  type CfnElement,
  type CfnResource,
  type Duration,
  RemovalPolicy,
  Stack,
  Validations,
} from "aws-cdk-lib";
import { MathExpression } from "aws-cdk-lib/aws-cloudwatch";
import { PolicyStatement, Role, ServicePrincipal } from "aws-cdk-lib/aws-iam";
import { LogGroup, RetentionDays } from "aws-cdk-lib/aws-logs";
import {
  DefinitionBody,
  type IChainable,
  LogLevel,
  StateMachine,
  StateMachineType,
} from "aws-cdk-lib/aws-stepfunctions";
import { Construct } from "constructs";
import { METADATA, type Settings } from "../settings.ts";
import { ALARM_PERIOD, raiseAlarm } from "./alarm.ts";
import type { LambdaFunction } from "./lambda-function.ts";

const LOG_DELIVERY = [
  "logs:CreateLogDelivery",
  "logs:DeleteLogDelivery",
  "logs:DescribeLogGroups",
  "logs:DescribeResourcePolicies",
  "logs:GetLogDelivery",
  "logs:ListLogDeliveries",
  "logs:PutResourcePolicy",
  "logs:UpdateLogDelivery",
];
const TRACING = [
  "xray:GetSamplingRules",
  "xray:GetSamplingTargets",
  "xray:PutTelemetryRecords",
  "xray:PutTraceSegments",
];

export interface WorkflowProps<F extends string> {
  readonly name: string;
  /** The functions of its tasks. */
  readonly functions: Readonly<Record<F, LambdaFunction>>;
  /** Makes the states, within the scope it is given. */
  readonly define: (scope: Construct, functions: Readonly<Record<F, LambdaFunction>>) => IChainable;
  readonly timeout: Duration;
  readonly settings: Settings;
}

/** A state machine with its log, traces and alarm. It may invoke the functions of its tasks and nothing else. */
export class Workflow<F extends string = string> extends Construct {
  readonly stateMachine: StateMachine;

  constructor(scope: Construct, id: string, { name, functions, define, timeout, settings }: WorkflowProps<F>) {
    super(scope, id);
    const role = this.#role(Object.values<LambdaFunction>(functions));
    this.stateMachine = new StateMachine(this, "StateMachine", {
      stateMachineType: StateMachineType.STANDARD,
      definitionBody: DefinitionBody.fromChainable(define(new Construct(this, "States"), functions)),
      // The tasks would grant themselves every version of their function, past ones included.
      role: role.withoutPolicyUpdates(),
      timeout,
      tracingEnabled: true,
      logs: {
        destination: new LogGroup(this, "Log", {
          // Under this prefix, Step Functions needs no entry of its own in the account's policy of log deliveries, which is short.
          logGroupName: `/aws/vendedlogs/states/submitqueue-${name}`,
          retention: RetentionDays.THREE_MONTHS,
          removalPolicy: RemovalPolicy.DESTROY,
        }),
        level: LogLevel.ALL,
        includeExecutionData: false,
      },
    });
    this.stateMachine.node.addDependency(role);
    (this.stateMachine.node.defaultChild as CfnResource).addMetadata(METADATA.workflow, name);
    const metrics = { period: ALARM_PERIOD, statistic: "Sum" };
    raiseAlarm(this, "Failures", settings, {
      metric: new MathExpression({
        // A sum has no value in a minute in which one of its metrics has none.
        expression: "FILL(failed, 0) + FILL(timedOut, 0)",
        usingMetrics: {
          failed: this.stateMachine.metricFailed(metrics),
          timedOut: this.stateMachine.metricTimedOut(metrics),
        },
        period: ALARM_PERIOD,
      }),
      threshold: 1,
      what: `Executions of the workflow ${name} failed, or took longer than ${Math.ceil(timeout.toMinutes({ integral: false }))} minutes.`,
      page: "workflow-failures",
    });
  }

  #role(functions: readonly LambdaFunction[]): Role {
    const role = new Role(this, "Role", { assumedBy: new ServicePrincipal("states.amazonaws.com") });
    role.addToPolicy(
      new PolicyStatement({
        actions: ["lambda:InvokeFunction"],
        resources: functions.map(({ lambda }) => lambda.functionArn),
      }),
    );
    role.addToPolicy(new PolicyStatement({ actions: [...LOG_DELIVERY, ...TRACING], resources: ["*"] }));
    Validations.of(role).acknowledge({
      id: "AwsSolutions-IAM5[Resource::*]",
      reason: "The actions of X-Ray and of log delivery know no resources.",
    });
    return role;
  }

  /** The workflow's ARN in the function's environment, and the right to start it. */
  startedBy(starter: LambdaFunction, env: string): void {
    starter.addEnvironment(env, this.stateMachine.stateMachineArn);
    starter.allow([this.stateMachine.stateMachineArn], "states:StartExecution");
  }

  /** The workflow's ARN in the function's environment, and the right to list its executions and to look at each. */
  watchedBy(watcher: LambdaFunction, env: string): void {
    const { stateMachineArn } = this.stateMachine;
    watcher.addEnvironment(env, stateMachineArn);
    watcher.allow([stateMachineArn], "states:ListExecutions");
    this.describedTo(watcher);
  }

  /** The right to look at an execution of the workflow by its name. */
  describedTo(watcher: LambdaFunction): void {
    const { stateMachineName } = this.stateMachine;
    const stack = Stack.of(this);
    const executions = stack.formatArn({
      service: "states",
      resource: "execution",
      resourceName: `${stateMachineName}:*`,
      arnFormat: ArnFormat.COLON_RESOURCE_NAME,
    });
    watcher.allow([executions], "states:DescribeExecution");
    const logicalId = stack.getLogicalId(this.stateMachine.node.defaultChild as CfnElement);
    Validations.of(watcher).acknowledge({
      id: `AwsSolutions-IAM5[Resource::arn:<AWS::Partition>:states:<AWS::Region>:<AWS::AccountId>:execution:<${logicalId}.Name>:*]`,
      reason: "The executions of this workflow, by any name.",
    });
  }
}
