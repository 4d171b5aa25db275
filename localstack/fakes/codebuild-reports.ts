import * as z from "zod";
import { type FakeBuild, type FakeTest, reportArnsOf } from "./codebuild-build.ts";

const Reports = z.object({ reportArns: z.array(z.string()).min(1).max(100) });

/** Answers BatchGetReports. */
export function describeReports(builds: readonly FakeBuild[], now: number, input: unknown): object {
  const { reportArns } = Reports.parse(input);
  const reports = reportArns.flatMap((arn) => {
    const build = builds.find((one) => reportArnsOf(one, now).includes(arn));
    return build === undefined ? [] : [reportOf(arn, build.course.tests ?? [])];
  });
  const found = new Set(reports.map(({ arn }) => arn));
  return { reports, reportsNotFound: reportArns.filter((arn) => !found.has(arn)) };
}

function reportOf(arn: string, tests: readonly FakeTest[]) {
  const statusCounts: Record<string, number> = { SUCCEEDED: 0, FAILED: 0, ERROR: 0, SKIPPED: 0, UNKNOWN: 0 };
  for (const { status } of tests) statusCounts[status] = (statusCounts[status] ?? 0) + 1;
  const failed = tests.some(({ status }) => status === "FAILED" || status === "ERROR");
  return {
    arn,
    type: "TEST",
    name: arn.slice(arn.lastIndexOf(":") + 1),
    reportGroupArn: arn.replace(":report/", ":report-group/").replace(/:[^:]*$/, ""),
    status: failed ? "FAILED" : "SUCCEEDED",
    truncated: false,
    testSummary: { total: tests.length, statusCounts, durationInNanoSeconds: 0 },
  };
}

const TestCases = z.object({
  reportArn: z.string(),
  filter: z.object({ status: z.enum(["SUCCEEDED", "FAILED", "ERROR", "SKIPPED", "UNKNOWN"]).optional() }).default({}),
  maxResults: z.int().min(1).max(100).default(100),
  nextToken: z.string().optional(),
});

/** Answers DescribeTestCases. Undefined when there is no such report. */
export function describeTests(builds: readonly FakeBuild[], now: number, input: unknown): object | undefined {
  const { reportArn, filter, maxResults, nextToken = "0" } = TestCases.parse(input);
  const build = builds.find((one) => reportArnsOf(one, now).includes(reportArn));
  if (build === undefined) return undefined;
  const wanted = (build.course.tests ?? []).filter(({ status }) => status === (filter.status ?? status));
  const from = Number(nextToken);
  return {
    testCases: wanted.slice(from, from + maxResults).map(({ suite, name, status }) => ({
      reportArn,
      name,
      status,
      ...(suite === undefined ? {} : { testSuiteName: suite }),
    })),
    ...(from + maxResults < wanted.length ? { nextToken: String(from + maxResults) } : {}),
  };
}
