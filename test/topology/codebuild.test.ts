import { execFileSync } from "node:child_process";
import { ListBuildsForProjectCommand, StartBuildCommand } from "@aws-sdk/client-codebuild";
import { afterAll, beforeAll, describe, expect, it, vi } from "vitest";
import { type Course, FakeCodeBuild } from "../../localstack/fakes/codebuild.ts";
import { startTopology, type Topology } from "../support/topology.ts";
import { until } from "../support/wait.ts";

let topology: Topology;
let fake: FakeCodeBuild;
/** What the branch of each build pointed at when the build began. */
const branches = new Map<string, string>();

const at = (queue: string) => topology.at(queue);
const git = (queue: string, ...args: readonly string[]) =>
  execFileSync("git", [...args], { cwd: at(queue).remote.path, encoding: "utf8" }).trim();

const TESTS = [
  { suite: "cart", name: "adds up", status: "FAILED" },
  { suite: "cart", name: "is empty", status: "SUCCEEDED" },
] as const;

/** As CodeBuild does it: fetches the ref, finds the commit on it, and goes by what the commit holds. */
function courseOf({ SQ_QUEUE = "", SQ_REF = "", SQ_COMMIT = "" }: Readonly<Record<string, string>>): Course {
  const tip = git(SQ_QUEUE, "rev-parse", SQ_REF);
  branches.set(SQ_REF, tip);
  if (tip !== SQ_COMMIT) return { status: "FAILED", phase: "DOWNLOAD_SOURCE", message: "reference not found" };
  const files = git(SQ_QUEUE, "ls-tree", "--name-only", SQ_COMMIT).split("\n");
  if (files.includes("hangs")) return { status: "SUCCEEDED", ms: Number.POSITIVE_INFINITY };
  if (files.includes("fails"))
    return { status: "FAILED", phase: "BUILD", message: "exit status 1", log: "1 test failed", tests: TESTS, ms: 300 };
  // An infrastructure failure, the first time.
  const again = fake.builds.some(({ variables }) => variables["SQ_COMMIT"] === SQ_COMMIT);
  if (files.includes("breaks") && !again) return { status: "FAULT", phase: "PROVISIONING", message: "no machine" };
  // A trunk at once: its build has the limits of its queue, which are short where a limit is the subject.
  return { status: "SUCCEEDED", ms: SQ_COMMIT === at(SQ_QUEUE).remote.start ? 0 : 300 };
}

/** A poll comes too late for these tests: what they see, CodeBuild has reported. */
const queue = (more: object = {}) => ({
  buildRunner: { type: "codebuild", project: "shop", pollSeconds: 300, timeoutSeconds: 3_600, ...more },
});

/** The events of one queue are lost. */
const lossy = (event: object) => JSON.stringify(event).includes('"value":"silent"');

beforeAll(async () => {
  const emit = (event: object) => (lossy(event) ? undefined : topology.runtime.emit(event));
  fake = await FakeCodeBuild.start({ projects: ["shop"], courseOf, emit });
  vi.stubEnv("AWS_ENDPOINT_URL_CODEBUILD", fake.endpoint);
  vi.stubEnv("AWS_ENDPOINT_URL_CLOUDWATCH_LOGS", fake.endpoint);
  vi.stubEnv("AWS_REGION", "us-east-1");
  vi.stubEnv("AWS_ACCESS_KEY_ID", "test");
  vi.stubEnv("AWS_SECRET_ACCESS_KEY", "test");
  topology = await startTopology({
    lands: queue(),
    hangs: queue(),
    slow: queue({ timeoutSeconds: 10 }),
    bare: queue({ source: "none" }),
    silent: queue({ pollSeconds: 2 }),
  });
});
afterAll(async () => {
  await topology.stop();
  await fake.stop();
  vi.unstubAllEnvs();
});

const buildsOf = (name: string) => fake.builds.filter(({ variables }) => variables["SQ_QUEUE"] === name);

describe.concurrent("a queue that CodeBuild builds", () => {
  it("lands what passed, refuses what failed with its failed tests and the end of its log, and builds again after an infrastructure failure", async () => {
    const { lane, remote } = at("lands");
    const requests = [
      await lane.land(await remote.change("good", { good: "1\n" })),
      await lane.land(await remote.change("bad", { fails: "1\n" })),
      await lane.land(await remote.change("unlucky", { breaks: "1\n" })),
    ];
    const [good, bad, unlucky] = await Promise.all(requests.map(({ sqid }) => lane.end(sqid)));
    expect([good?.status, bad?.status, unlucky?.status]).toEqual(["landed", "error", "landed"]);
    expect(bad?.reason?.message).toMatch(
      /^CodeBuild build shop:[0-9a-f-]+: it failed in BUILD \(exit status 1\)\.\nFailed tests: cart › adds up\.\n1 test failed$/,
    );
    // They do not conflict: whose build is seen to pass first lands first.
    expect((await remote.trunk()).map(({ subject }) => subject).sort()).toEqual(["good 1", "unlucky 1"]);
    const events = await lane.history(good?.sqid ?? "");
    expect(JSON.stringify(events)).toContain("https://us-east-1.console.aws.amazon.com/codesuite/codebuild/");
    expect(
      [...branches.keys()].filter((ref) => ref.startsWith("refs/heads/submitqueue/lands/")).length,
    ).toBeGreaterThan(2);
    // Each landed commit is one that CodeBuild built, on its branch.
    const built = new Set(buildsOf("lands").map(({ variables }) => variables["SQ_COMMIT"]));
    for (const { sha } of await remote.trunk()) expect(built).toContain(sha);
  });

  it("lands what passed although every report is lost, a little later", async () => {
    const { lane, remote } = at("silent");
    const { sqid } = await lane.land(await remote.change("good", { good: "1\n" }));
    expect(await lane.end(sqid)).toMatchObject({ status: "landed" });
  });

  it("lets a function call CodeBuild as far as its policies go", async () => {
    const client = topology.runtime.clientsOf("orchestrator/build-workflow/poll").codebuild?.codebuild;
    await expect(client?.send(new StartBuildCommand({ projectName: "shop" }))).rejects.toMatchObject({
      name: "AccessDeniedException",
    });
    await expect(client?.send(new ListBuildsForProjectCommand({ projectName: "shop" }))).resolves.toBeDefined();
  });

  it("stops the build of a request that is cancelled", async () => {
    const { lane, remote } = at("hangs");
    const { sqid } = await lane.land(await remote.change("hangs", { hangs: "1\n" }));
    await lane.reaches(sqid, "building");
    await lane.cancel(sqid);
    expect(await lane.end(sqid)).toMatchObject({ status: "cancelled" });
    await until(() => buildsOf("hangs").every(({ stoppedAt }) => stoppedAt !== undefined));
    expect(buildsOf("hangs").length).toBe(1);
  });

  it("stops a build that takes too long, and says so", async () => {
    const { lane, remote } = at("slow");
    const { sqid } = await lane.land(await remote.change("hangs", { hangs: "1\n" }));
    expect(await lane.end(sqid)).toMatchObject({ status: "error", reason: { code: "build.timed_out" } });
    // The second is of the trunk itself, which no build of this new queue has passed on.
    expect(buildsOf("slow").map(({ stoppedAt }) => stoppedAt === undefined)).toEqual([false, true]);
  });

  it("builds in a project without a source too, from a ref that is no branch", async () => {
    const { lane, remote } = at("bare");
    const { sqid } = await lane.land(await remote.change("good", { good: "1\n" }));
    expect(await lane.end(sqid)).toMatchObject({ status: "landed" });
    for (const { input, variables } of buildsOf("bare")) {
      expect(input).not.toHaveProperty("sourceVersion");
      expect(variables["SQ_REF"]).toMatch(/^refs\/submitqueue\/paths\//);
    }
    expect(await remote.refs()).not.toContain("refs/heads/submitqueue/");
  });
});
