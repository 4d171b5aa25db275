import {
  BatchGetReportsCommand,
  type Build,
  type CodeBuildClient,
  DescribeTestCasesCommand,
  type Report,
} from "@aws-sdk/client-codebuild";
import { failedTestsLine, testName } from "./output.ts";

/** CodeBuild's words for a test that did not pass. A test case is asked for by one of them at a time. */
const NOT_PASSED = ["FAILED", "ERROR"] as const;

/** How many reports of a build are looked into. A build has mostly one. */
const MOST_REPORTS = 3;
/** How many failed tests are asked for by name, of each report. */
const MOST_TESTS = 5;

/**
 * One line that names the tests that failed, by the test reports that the build uploaded: `reports` of its buildspec. Empty when the build has
 * no report with a failed test. A line that says why when the reports may not be read: a build that failed is no less failed for it. No call
 * for a build without reports; otherwise one, and one or two for each of the first three reports with failed tests.
 */
export async function failedTestsOf(codebuild: CodeBuildClient, { reportArns = [] }: Build): Promise<string> {
  if (reportArns.length === 0) return "";
  try {
    const { reports = [] } = await codebuild.send(new BatchGetReportsCommand({ reportArns: reportArns.slice(0, 100) }));
    const failing = reports.filter(({ type, arn }) => type === "TEST" && arn !== undefined).filter(hasFailed);
    const named = await Promise.all(failing.slice(0, MOST_REPORTS).map((report) => testsOf(codebuild, report)));
    const count = failing.reduce((sum, report) => sum + failures(report), 0);
    return failedTestsLine(named.flat(), count);
  } catch (error) {
    return `(which tests failed can't be shown: ${error instanceof Error ? error.name : "no answer"})`;
  }
}

async function testsOf(codebuild: CodeBuildClient, report: Report): Promise<readonly string[]> {
  const asked = NOT_PASSED.filter((status) => countOf(report, status) > 0).map((status) =>
    codebuild.send(new DescribeTestCasesCommand({ reportArn: report.arn, filter: { status }, maxResults: MOST_TESTS })),
  );
  const answers = await Promise.all(asked);
  return answers.flatMap(({ testCases = [] }) =>
    testCases.map(({ testSuiteName, prefix, name }) => testName(testSuiteName ?? prefix ?? "", name ?? "")),
  );
}

const countOf = ({ testSummary }: Report, status: (typeof NOT_PASSED)[number]): number =>
  testSummary?.statusCounts?.[status] ?? 0;

const failures = (report: Report): number => NOT_PASSED.reduce((sum, status) => sum + countOf(report, status), 0);

const hasFailed = (report: Report): boolean => failures(report) > 0;
