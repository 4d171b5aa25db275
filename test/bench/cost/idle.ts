import type { QueuesConfig } from "../../../functions/contracts/queues.ts";
import { synthesize } from "../../../lib/app.ts";
import { readAssembly } from "../../../localstack/embedded/template.ts";
import { priced, totalOf, type Usage } from "./meter.ts";
import { ASSUMED, MINUTES_PER_MONTH, PRICES } from "./prices.ts";

/** Dollars a month by component, when nothing is landed: what the templates for AWS ask for, and what a minute was measured to use. */
export function idleMonth(queues: QueuesConfig, outdir: string, minute: Usage): Readonly<Record<string, number>> {
  synthesize({ queues, target: "aws", bundle: false, outdir });
  const resources = [...readAssembly(outdir).values()].flatMap(({ Resources }) => Object.values(Resources));
  const ofType = (type: string) => resources.filter(({ Type }) => Type === type);
  const receives = ofType("AWS::Lambda::EventSourceMapping").map(({ Properties }) =>
    JSON.stringify(Properties["EventSourceArn"]).match(/Requests|Signals|Merges/) === null
      ? PRICES.sqsStandardRequest
      : PRICES.sqsFifoRequest,
  );
  const alarms = ofType("AWS::CloudWatch::Alarm").reduce((sum, { Properties }) => sum + metricsOf(Properties), 0);
  const secrets = new Set(queues.queues.flatMap(({ repository }) => repository.tokenSecret ?? []));
  return {
    [`${alarms} metrics of alarms`]: alarms * PRICES.alarmMetricMonth,
    [`${receives.length} topics that Lambda looks at`]:
      receives.reduce((sum, price) => sum + price, 0) * ASSUMED.emptyReceivesPerMinute * MINUTES_PER_MONTH,
    "schedules (sweeps)": totalOf(priced(minute)) * MINUTES_PER_MONTH,
    "image of the functions that run git": ASSUMED.imageGb * PRICES.imageGbMonth,
    [`${secrets.size} secrets`]: secrets.size * PRICES.secretMonth,
  };
}

function metricsOf(alarm: Readonly<Record<string, unknown>>): number {
  const { Metrics = [{ MetricStat: {} }] } = alarm as { Metrics?: readonly { MetricStat?: unknown }[] };
  return Metrics.filter(({ MetricStat }) => MetricStat !== undefined).length;
}
