import { Duration } from "aws-cdk-lib";
import { Alarm, ComparisonOperator, type IMetric, TreatMissingData } from "aws-cdk-lib/aws-cloudwatch";
import { SnsAction } from "aws-cdk-lib/aws-cloudwatch-actions";
import { Topic as SnsTopic } from "aws-cdk-lib/aws-sns";
import type { Construct } from "constructs";
import type { Settings } from "../settings.ts";

/** Metrics of alarms are looked at over this period. */
export const ALARM_PERIOD = Duration.minutes(5);

/** Sections of doc/howto/operate.md: what an alarm means, where to look, what to do. */
export type Page = "dead-letters" | "stuck-topics" | "workflow-failures" | "function-errors";

/** An alarm that goes off when the metric reaches `threshold`, and whose description says which page to read. */
export function raiseAlarm(
  scope: Construct,
  id: string,
  { alarmTopicArn }: Settings,
  alarm: { readonly metric: IMetric; readonly threshold: number; readonly what: string; readonly page: Page },
): Alarm {
  const raised = new Alarm(scope, id, {
    metric: alarm.metric,
    threshold: alarm.threshold,
    evaluationPeriods: 1,
    comparisonOperator: ComparisonOperator.GREATER_THAN_OR_EQUAL_TO_THRESHOLD,
    treatMissingData: TreatMissingData.NOT_BREACHING,
    alarmDescription: `${alarm.what} See doc/howto/operate.md#${alarm.page}`,
  });
  if (alarmTopicArn !== undefined)
    raised.addAlarmAction(new SnsAction(SnsTopic.fromTopicArn(scope, `${id}Notifies`, alarmTopicArn)));
  return raised;
}
