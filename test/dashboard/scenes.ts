import type { EndedNow, QueueNow, RequestNow } from "../../dashboard/contract.ts";
import type { HistoryEntry, RequestSummary, Why } from "../../functions/contracts/api/request-views.ts";
import type { Trends } from "../../functions/contracts/api/trend-views.ts";

/** Seconds before now, as the API writes a moment. */
export const ago = (seconds: number): string => new Date(Date.now() - seconds * 1_000).toISOString();

const key = (n: number): string => n.toString(16).padStart(32, "0");

type Build = RequestNow["builds"][number];

export const build = (
  n: number,
  more: Partial<Omit<Build, "base" | "bundledWith">> & {
    base?: readonly number[];
    bundledWith?: readonly number[];
  } = {},
) => {
  const { base = [], bundledWith, ...rest } = more;
  return {
    buildKey: key(n),
    state: "running",
    startedAt: ago(75),
    url: `https://ci.example/builds/${n}`,
    ...rest,
    base: base.map((one) => `main/${one}`),
    ...(bundledWith === undefined ? {} : { bundledWith: bundledWith.map((one) => `main/${one}`) }),
  } as Build;
};

type Asked = Partial<Omit<RequestNow, "on">> & { readonly on?: readonly number[] };

export function request(number: number, { on, ...more }: Asked = {}): RequestNow {
  const sha = number.toString(16).padStart(40, "a");
  return {
    sqid: `main/${number}`,
    number,
    status: "speculating",
    priority: 0,
    author: "ada",
    changes: [`github://github.com/acme/shop/pull/${400 + number}/${sha}`],
    receivedAt: ago(300 - number),
    updatedAt: ago(20),
    sentence: "The request is being built.",
    builds: [],
    ...more,
    ...(on === undefined ? {} : { on: on.map((one) => `main/${one}`) }),
  } as RequestNow;
}

const ended = (number: number, more: Partial<EndedNow>): EndedNow =>
  ({
    sqid: `main/${number}`,
    number,
    status: "landed",
    endedAt: ago(60),
    commit: (number * 7_919_000_017).toString(16).padEnd(40, "c0ffee"),
    ...more,
  }) as EndedNow;

/** A queue at work, as people see it most of the time. */
export function busy(): QueueNow {
  const requests = [
    request(41, {
      title: "Checkout: retry the payment once when the gateway is slow",
      status: "landing",
      sentence: "Passed. The request is being landed.",
      estimateSeconds: 8,
      builds: [build(1, { state: "passed" })],
      receivedAt: ago(410),
    }),
    request(42, {
      title: "Search: index product names in two languages",
      author: "grace",
      sentence: "The request is being built.",
      estimateSeconds: 95,
      builds: [build(2, { base: [41], startedAt: ago(184) })],
      receivedAt: ago(380),
    }),
    request(43, {
      title: "Bump the web framework to 9.4",
      author: "dependabot[bot]",
      on: [42],
      blocker: "dependency",
      sentence: "Passed. Waiting for main/42, which is ahead in the queue and has to be tested together with this one.",
      estimateSeconds: 100,
      builds: [build(3, { state: "passed", base: [41, 42] })],
      receivedAt: ago(350),
    }),
    request(45, {
      title: "Cart: keep items for thirty days",
      author: "linus",
      priority: 10,
      on: [43],
      estimateSeconds: 240,
      builds: [build(5, { base: [41, 42, 43], startedAt: ago(61) }), build(6, { base: [41, 43], startedAt: ago(22) })],
      receivedAt: ago(200),
    }),
    request(46, {
      title: "Docs: how to run the shop on a laptop",
      author: "barbara",
      estimateSeconds: 60,
      builds: [build(7, { base: [], startedAt: ago(40) })],
      receivedAt: ago(150),
    }),
    request(47, {
      title: "Prices: round half to even",
      author: "edsger",
      on: [45, 42],
      builds: [build(8, { base: [41, 42, 43, 45], startedAt: ago(12), bundledWith: [48] })],
      estimateSeconds: 300,
      receivedAt: ago(120),
    }),
    request(48, {
      title: "Prices: show the tax beside every price",
      author: "edsger",
      on: [47],
      builds: [],
      sentence: "The request is being built.",
      receivedAt: ago(110),
    }),
    request(49, {
      title: "Orders: export as CSV",
      author: "margaret",
      on: [45],
      blocker: "budget",
      sentence: "Waiting for a free build slot. The queue may run 6 builds at once.",
      receivedAt: ago(40),
    }),
    request(50, {
      status: "validating",
      author: "alan",
      sentence: "The changes are being read and merged onto the target branch on trial.",
      receivedAt: ago(4),
    }),
  ];
  return queue({
    requests,
    recent: [
      ended(40, { title: "Search: remember the last filter", endedAt: ago(35) }),
      ended(39, {
        title: "Checkout: pay twice",
        status: "error",
        reason: {
          code: "build.failed",
          message: "Build failed: checkout.test.js: expected 2 payments, and there was 1",
        },
        endedAt: ago(130),
      }),
      ended(38, { title: "Logs: one line per payment, with the order's number and the shop", endedAt: ago(210) }),
      ended(37, {
        title: "Orders: split the table",
        status: "cancelled",
        reason: { code: "cancelled.by_caller", message: "Not yet: the migration comes first." },
        endedAt: ago(500),
      }),
      ended(36, { title: "Docs: say how to release", endedAt: ago(700) }),
      ended(35, {
        title: "Cart: total in two currencies",
        status: "error",
        reason: { code: "merge.conflict", message: "src/cart/total.ts conflicts with what has landed since." },
        endedAt: ago(1_300),
      }),
      ended(34, { endedAt: ago(1_500) }),
    ],
  });
}

export function queue(more: Partial<QueueNow> = {}): QueueNow {
  const requests = more.requests ?? [];
  const running = new Set(
    requests.flatMap(({ builds }) => builds.filter(({ state }) => state === "running").map(({ buildKey }) => buildKey)),
  );
  const isBuilding = ({ builds }: RequestNow) => builds.some(({ state }) => state === "running");
  const landing = requests.filter(({ status }) => status === "landing").length;
  const building = requests.filter(isBuilding).length;
  return {
    name: "main",
    repository: "https://github.com/acme/shop.git",
    branch: "main",
    strategy: "REBASE",
    mode: "open",
    budget: 6,
    counts: { waiting: requests.length - building - landing, building, landing },
    ended: { lastHour: { landed: 14, refused: 2, cancelled: 1 }, lastDay: { landed: 212, refused: 19, cancelled: 6 } },
    timeToLand: { count: 212, medianSeconds: 312, p95Seconds: 1_240 },
    buildsRunning: running.size,
    load: { receivedLastHour: 18, buildMinutes: 4.5 },
    flakes: [],
    requests,
    more: false,
    recent: [],
    ...more,
  } as QueueNow;
}

export const empty = (): QueueNow =>
  queue({
    ended: { lastHour: { landed: 0, refused: 0, cancelled: 0 }, lastDay: { landed: 0, refused: 0, cancelled: 0 } },
    timeToLand: { count: 0 },
  });

export const paused = (): QueueNow => ({
  ...busy(),
  mode: "paused",
  since: ago(740),
  note: "Release day: nothing lands until 3.2 is out.",
  modeBy: "ada@example.com",
});

/** A queue whose trunk fails by itself. */
export const red = (): QueueNow => ({
  ...busy(),
  red: {
    since: ago(2_540),
    commit: "4f1c09f0a7c1d2e3b4a5968778695a4b3c2d1e0f",
    author: "linus@example.com",
    reason: {
      code: "build.failed",
      message: "The check unit (github-actions) ended with failure: 2 failed.\ncheckout.test.js › pays once",
    },
  } as QueueNow["red"],
});

export const crowded = (count = 1_000): QueueNow =>
  queue({
    budget: 40,
    more: true,
    requests: Array.from({ length: count }, (_, index) => {
      const number = index + 1;
      const on = index === 0 ? [] : [number - 1, ...(index > 3 && index % 3 === 0 ? [number - 3] : [])];
      const base = Array.from({ length: Math.min(index, 6) }, (_, back) => number - Math.min(index, 6) + back);
      return request(number, {
        title: `Change ${number} of a thousand`,
        on,
        ...(index < 40
          ? { builds: [build(number, { base, startedAt: ago(30 + index) })] }
          : { blocker: "budget", sentence: "Waiting for a free build slot. The queue may run 40 builds at once." }),
      });
    }),
  });

/** What would act on a page that took it for HTML, for a script, or for an address to follow. */
export const HOSTILE = '<img src=x onerror="document.title=\'owned\'"><script>document.title="owned"</script>';

export const hostile = (): QueueNow =>
  queue({
    note: HOSTILE,
    mode: "draining",
    requests: [
      request(1, {
        title: HOSTILE,
        author: HOSTILE,
        sentence: HOSTILE,
        builds: [build(1, { url: "javascript:document.title='owned'" })],
      }),
    ],
    recent: [ended(9, { title: HOSTILE, status: "error", reason: { code: "build.failed", message: HOSTILE } })],
  });

/** A request with all that the API says about it. */
export interface Told {
  readonly summary: RequestSummary;
  readonly history: readonly HistoryEntry[];
  readonly why: Why;
}

type Entry = readonly [
  name: string,
  secondsAgo: number,
  metadata?: Record<string, string | number>,
  reason?: HistoryEntry["reason"],
];

const HAPPENINGS = new Set([
  "building",
  "built",
  "build_failed",
  "waiting",
  "blocked",
  "invalidated",
  "retrying",
  "joined",
]);

function told(
  now: RequestNow,
  entries: readonly Entry[],
  more: { status?: string; reason?: HistoryEntry["reason"]; metadata?: object; why?: Partial<Why> } = {},
): Told {
  const { status = now.status, reason, metadata = {} } = more;
  const isEnd = ["landed", "error", "cancelled"].includes(status);
  return {
    summary: {
      sqid: now.sqid,
      queue: "main",
      number: now.number,
      status,
      ended: isEnd,
      ...(reason === undefined ? {} : { reason }),
      changes: now.changes,
      strategy: "SQUASH_REBASE",
      priority: now.priority,
      receivedAt: now.receivedAt,
      updatedAt: now.updatedAt,
      metadata: { title: now.title ?? "", author: now.author ?? "", ...metadata },
    } as unknown as RequestSummary,
    history: entries.map(([name, secondsAgo, entryMetadata = {}, entryReason], index) => ({
      id: `${now.sqid}/${name}/${index}`,
      at: ago(secondsAgo),
      ...(HAPPENINGS.has(name) ? { kind: "event", event: name } : { kind: "status", status: name }),
      ...(entryReason === undefined ? {} : { reason: entryReason }),
      metadata: entryMetadata,
    })) as HistoryEntry[],
    why: {
      sqid: now.sqid,
      status,
      ended: isEnd,
      since: now.updatedAt,
      builds: [],
      sentence: now.sentence,
      ...(now.on === undefined ? {} : { on: now.on }),
      ...(now.blocker === undefined ? {} : { blocker: now.blocker }),
      ...more.why,
    } as Why,
  };
}

const url = (n: number) => ({ build_key: key(n), build_url: `https://ci.example/builds/${n}` });

/** A request that waits for another, after a build that had to be repeated. */
export const waiting = (): Told => {
  const now = busy().requests.find(({ number }) => number === 43) as RequestNow;
  return told(now, [
    ["accepted", 350, { caller: "grace@example.com" }],
    ["started", 349],
    ["validating", 348],
    ["validated", 346],
    ["batched", 345],
    ["speculating", 345],
    ["building", 340, { ...url(90), attempt: 1 }],
    ["build_failed", 260, url(90), { code: "build.infrastructure", message: "The machine of the build went away." }],
    ["retrying", 259, url(90), { code: "build.infrastructure", message: "The machine of the build went away." }],
    ["building", 250, { ...url(3), attempt: 2 }],
    ["built", 30, url(3)],
    ["waiting", 29, url(3)],
    ["blocked", 29, { blocker: "dependency", on: "42" }],
  ]);
};

export const landed = (): Told => {
  const now = {
    ...request(40, { title: "Search: remember the last filter", author: "grace" }),
    sentence: "Landed as commit 4f1c09f0a7.",
    updatedAt: ago(35),
  };
  return told(
    now,
    [
      ["accepted", 260, { caller: "grace@example.com" }],
      ["validated", 257],
      ["batched", 256],
      ["building", 250, url(12)],
      ["built", 45, url(12)],
      ["speculated", 44],
      ["landing", 43],
      ["landed", 35, { commit: "4f1c09f0a7c1d2e3b4a5968778695a4b3c2d1e0f" }],
    ],
    { status: "landed", metadata: { commit: "4f1c09f0a7c1d2e3b4a5968778695a4b3c2d1e0f" } },
  );
};

export const refused = (): Told => {
  const reason = {
    code: "build.failed" as const,
    message: "Build failed: exit code 1\ncheckout.test.js\n  ✗ pays once\n    expected 2 payments, and there was 1",
  };
  const now = {
    ...request(39, { title: "Checkout: pay twice", author: "linus" }),
    sentence: reason.message,
    updatedAt: ago(130),
  };
  return told(
    now,
    [
      ["accepted", 400, { caller: "linus@example.com" }],
      ["validated", 397],
      ["batched", 396],
      ["building", 380, url(11)],
      ["build_failed", 131, url(11), reason],
      ["error", 130, {}, reason],
    ],
    { status: "error", reason },
  );
};

/** Two days of a queue that had a bad hour. */
export function trends(by: Trends["by"] = "hour"): Trends {
  const hour = 3_600_000;
  const last = Math.floor(Date.now() / hour) * hour;
  const buckets = Array.from({ length: 48 }, (_, i) => {
    const start = last - (47 - i) * hour;
    // By the number of the hour, so that the sums are the same at any time of the day.
    const isWork = i % 24 >= 7 && i % 24 <= 19;
    const landed = isWork ? 8 + ((i * 7) % 9) : i % 3 === 0 ? 1 : 0;
    const refused = isWork ? (i === 30 ? 9 : i % 3) : 0;
    const builds = Math.round(landed * 1.7 + refused * 2);
    return {
      start: new Date(start).toISOString(),
      landed,
      refused,
      cancelled: i % 11 === 0 ? 1 : 0,
      ...(landed === 0 ? {} : { p50Seconds: 240 + ((i * 37) % 160), p95Seconds: 700 + ((i * 91) % 700) }),
      builds,
      buildMinutes: builds * 3.4,
      passed: landed,
      failed: refused,
      retried: i % 4 === 0 ? 1 : 0,
      flaky: i % 8 === 0 ? 1 : 0,
      reasons: refused === 0 ? {} : { "build.failed": refused },
    };
  });
  const sum = (of: (bucket: (typeof buckets)[number]) => number) =>
    buckets.reduce((total, bucket) => total + of(bucket), 0);
  return {
    queue: "main" as Trends["queue"],
    by,
    buckets,
    total: {
      landed: sum((one) => one.landed),
      refused: sum((one) => one.refused),
      cancelled: sum((one) => one.cancelled),
      p50Seconds: 312,
      p95Seconds: 1_240,
      builds: sum((one) => one.builds),
      buildMinutes: sum((one) => one.buildMinutes),
      passed: sum((one) => one.passed),
      failed: sum((one) => one.failed),
      retried: sum((one) => one.retried),
      flaky: sum((one) => one.flaky),
      reasons: { "build.failed": 41, "merge.conflict": 9, "change.stale": 4 },
    },
    flakes: [
      { name: "checkout › pays once when the gateway is slow", builds: 9, requests: 6, lastSeen: ago(1_900) },
      { name: "e2e", builds: 2, requests: 2, lastSeen: ago(90_000) },
      ...Array.from({ length: 9 }, (_, i) => ({
        name: `search › index ${i}`,
        builds: 1,
        requests: 1,
        lastSeen: ago(100_000 + i),
      })),
    ],
  };
}

/** Requests that came every two minutes, were built for a quarter of an hour, and each waited for the one before. */
export const history = (count: number): Told[] =>
  Array.from({ length: count }, (_, i) => {
    const began = (count - i) * 120 + 3_600;
    const key_ = { build_key: key(5_000 + i) };
    return told(
      { ...request(i + 1, { receivedAt: ago(began) }), updatedAt: ago(began - 1_000) },
      [
        ["accepted", began],
        ["batched", began - 2, i > 0 ? { behind: String(i) } : {}],
        ["building", began - 3, key_],
        ["built", began - 903, key_],
        ["landed", began - 1_000],
      ],
      { status: "landed" },
    );
  });
