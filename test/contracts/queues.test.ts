import { describe, expect, it } from "vitest";
import { QueueConfig, QueuesConfig, targetOf } from "../../functions/contracts/queues.ts";

const queue = (change: object = {}) => ({
  name: "main",
  repository: { remote: "https://example.com/r.git" },
  buildRunner: { type: "fake" },
  ...change,
});
const repository = (change: object) => queue({ repository: { remote: "https://example.com/r.git", ...change } });
/** Where the first fault is, as a path. */
const faultIn = (config: unknown): string | undefined => {
  const parsed = QueuesConfig.safeParse(config);
  return parsed.success ? undefined : parsed.error.issues[0]?.path.join(".");
};

describe("queues.yaml", () => {
  it("needs little said", () => {
    expect(QueueConfig.parse(queue())).toEqual({
      name: "main",
      repository: { remote: "https://example.com/r.git", branch: "main", tokenUser: "x-access-token" },
      strategy: "REBASE",
      buildRunner: {
        type: "fake",
        timeoutSeconds: 3600,
        tests: "everything",
        pollSeconds: 10,
        infrastructureRetries: 2,
      },
      conflictAnalyzer: { type: "all" },
      budget: 4,
      speculation: {
        scorer: { type: "history" },
        order: "likely-first",
        probation: { threshold: 0.5, maxHoldSeconds: 14_400 },
        minProbability: 0.1,
        bypass: true,
        allocator: "sticky",
      },
      bundle: { maxSize: 1, maxWaitSeconds: 0 },
      commitPoints: "every",
      retries: 0,
      maxPriority: 0,
      access: {},
      maxRefusalsPerDay: 5,
      committer: { name: "submitqueue", email: "submitqueue@localhost.invalid" },
      checkStaleness: true,
      squashMessage: "commits",
      markMerged: "close",
      repositoryTimeoutSeconds: 3_600,
    });
  });

  it.each<[string, unknown, string]>([
    ["no queues at all", {}, "queues"],
    ["an empty list", { queues: [] }, "queues"],
    ["a queue named twice", { queues: [queue(), queue({ name: "other" }), queue()] }, "queues.2.name"],
    ["an empty name", { queues: [queue({ name: "" })] }, "queues.0.name"],
    ["a name of 101 characters", { queues: [queue({ name: "a".repeat(101) })] }, "queues.0.name"],
    ["an unknown field", { queues: [queue({ budgets: 4 })] }, "queues.0"],
    ["no repository", { queues: [{ ...queue(), repository: undefined }] }, "queues.0.repository"],
    ["no remote", { queues: [queue({ repository: {} })] }, "queues.0.repository.remote"],
    ["a remote that is none", { queues: [repository({ remote: "example.com" })] }, "queues.0.repository.remote"],
    ...[
      "https://u@example.com/r",
      "https://:p@example.com/r",
      "https://example.com/r?access_token=s",
      "https://example.com/r#private_token=s",
      "ssh://git:p@example.com/r",
      "ssh://git%3Ap@example.com/r",
      "ssh://git@example.com/r?token=s",
      "file://u:p@localhost/r",
      "https://u:p@",
    ].map((remote): [string, object, string] => [
      `a secret in the remote ${remote}`,
      { queues: [repository({ remote })] },
      "queues.0.repository.remote",
    ]),
    [
      "a password in a remote",
      { queues: [repository({ remote: "https://u:p@example.com/r" })] },
      "queues.0.repository.remote",
    ],
    ["a branch with refs/heads", { queues: [repository({ branch: "/main" })] }, "queues.0.repository.branch"],
    [
      "a queue of a repository that is not configured",
      { github: { repositories: { "acme/shop": ["main", "nope"] } }, queues: [queue()] },
      "github.repositories.acme/shop.1",
    ],
    ["an API of GitHub without TLS", { github: { api: "http://git.acme.example" }, queues: [queue()] }, "github.api"],
    ["a page that is a script", { github: { page: "javascript:alert(1)" }, queues: [queue()] }, "github.page"],
    ["a full ref for a branch", { queues: [repository({ branch: "refs/heads/main" })] }, "queues.0.repository.branch"],
    ["a branch with a part that git hides", { queues: [repository({ branch: "a/.b" })] }, "queues.0.repository.branch"],
    ["a branch with a part of a lock", { queues: [repository({ branch: "a.lock/b" })] }, "queues.0.repository.branch"],
    [
      "an address with a blank",
      { queues: [repository({ remote: "https://a.example/b c" })] },
      "queues.0.repository.remote",
    ],
    ["a path with a line break", { queues: [repository({ remote: "/a\nb" })] }, "queues.0.repository.remote"],
    ["a branch with two dots", { queues: [repository({ branch: "a..b" })] }, "queues.0.repository.branch"],
    ["a token written out", { queues: [repository({ token: "s3cret" })] }, "queues.0.repository"],
    ["an unknown strategy", { queues: [queue({ strategy: "FAST" })] }, "queues.0.strategy"],
    ["no build runner", { queues: [{ ...queue(), buildRunner: undefined }] }, "queues.0.buildRunner"],
    ["an unknown build runner", { queues: [queue({ buildRunner: { type: "jenkins" } })] }, "queues.0.buildRunner.type"],
    [
      "a command runner without command",
      { queues: [queue({ buildRunner: { type: "command" } })] },
      "queues.0.buildRunner.command",
    ],
    [
      "a field of another runner",
      { queues: [queue({ buildRunner: { type: "fake", command: "make" } })] },
      "queues.0.buildRunner",
    ],
    [
      "an unknown change provider",
      { queues: [queue({ changeProvider: { type: "svn" } })] },
      "queues.0.changeProvider.type",
    ],
    [
      "an unknown analyzer",
      { queues: [queue({ conflictAnalyzer: { type: "some" } })] },
      "queues.0.conflictAnalyzer.type",
    ],
    ["a budget of none", { queues: [queue({ budget: 0 })] }, "queues.0.budget"],
    ["a priority below none", { queues: [queue({ maxPriority: -1 })] }, "queues.0.maxPriority"],
    ["an empty batch", { queues: [queue({ bundle: { maxSize: 0 } })] }, "queues.0.bundle.maxSize"],
    ["a budget of a half", { queues: [queue({ budget: 0.5 })] }, "queues.0.budget"],
  ])("refuses %s, and says where", (_what, config, at) => {
    expect(faultIn(config)).toBe(at);
  });

  it.each([
    "https://example.com/r.git",
    "ssh://git@example.com/r.git",
    "file:///srv/r.git",
    "/srv/r.git",
    "./r",
    "../r",
  ])("takes the remote %s", (remote) => expect(faultIn({ queues: [repository({ remote })] })).toBeUndefined());

  it("a path with blanks is a remote, as of a checkout in a directory `My Code`", () => {
    const { queues } = QueuesConfig.parse({ queues: [repository({ remote: "/home/zoë/My Code/shop.git" })] });
    expect(queues[0]?.repository.remote).toBe("/home/zoë/My Code/shop.git");
  });

  it("two queues onto one branch have one target, and two branches two", () => {
    const targets = [repository({}), queue({ name: "b" }), repository({ branch: "x" }), repository({ remote: "/r" })];
    const [one, same, ...others] = targets.map((config) => targetOf(QueueConfig.parse(config).repository));
    expect(one).toBe(same);
    expect(new Set([one, ...others]).size).toBe(3);
  });
});

describe("the change provider of a queue", () => {
  const provider = (github: object | undefined, change: object = {}) =>
    QueuesConfig.parse({ ...(github === undefined ? {} : { github }), queues: [queue(change)] }).queues[0]
      ?.changeProvider;
  const shop = { repository: { remote: "https://github.com/acme/shop.git" } };
  const defaults = { waitFor: ["review"], waitSeconds: 604_800 };

  it("is git without a GitHub App, and of a repository that is none of the App's", () => {
    expect(provider(undefined, shop)).toEqual({ type: "git" });
    expect(provider({})).toEqual({ type: "git" });
    expect(provider({ api: "https://ghes.example/api/v3" }, shop)).toEqual({ type: "git" });
  });

  it("is github for a repository of the App, with the App's credentials, and waits for reviews", () => {
    const api = "https://api.github.com";
    const place = { repository: "acme/shop", api, credentialsSecret: "submitqueue/github" };
    expect(provider({}, shop)).toEqual({ type: "github", ...place, ...defaults });
    const named = { api: "https://ghes.example/api/v3/", secret: "app", repositories: { "acme/shop": ["main"] } };
    const there = { repository: "acme/shop", api: "https://ghes.example/api/v3", credentialsSecret: "app" };
    expect(provider(named)).toEqual({ type: "github", ...there, ...defaults });
  });

  it("keeps what is written, and takes the rest from the App, or from the remote", () => {
    const changeProvider = { type: "github", waitFor: ["review", "checks"], credentialsSecret: "mine" };
    expect(provider({}, { ...shop, changeProvider })).toMatchObject({ ...changeProvider, repository: "acme/shop" });
    const tokened = { repository: { ...shop.repository, tokenSecret: "token" }, changeProvider: { type: "github" } };
    expect(provider(undefined, tokened)).toMatchObject({ repository: "acme/shop", credentialsSecret: "token" });
    expect(provider({}, { ...shop, changeProvider: { type: "git" } })).toEqual({ type: "git" });
  });

  it("is the same when the configuration is read again, with the name of the queue's own check", () => {
    const once = QueuesConfig.parse({ github: { check: "Merge queue" }, queues: [queue(shop)] });
    expect(once.queues[0]?.ownCheck).toBe("Merge queue");
    expect(QueuesConfig.parse({ queues: [queue({ ...shop, ownCheck: "unit" })] }).queues[0]).not.toHaveProperty(
      "ownCheck",
    );
    expect(QueuesConfig.parse(JSON.parse(JSON.stringify(once)))).toEqual(once);
  });
});
