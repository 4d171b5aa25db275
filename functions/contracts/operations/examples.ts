import { reasonOf } from "../reasons.ts";

export const AT = "2026-11-26T09:30:00.000Z";
export const LATER = "2026-11-26T09:34:12.000Z";
export const COMMIT = "3f0d2c1b8a7e6f5d4c3b2a1908f7e6d5c4b3a291";
export const CHANGE = `git://github.com/acme/shop/refs%2Fheads%2Fcheckout/${COMMIT}`;
export const BUILD_KEY = "8a1f0c9d7b6e5f4a3c2d1e0f9a8b7c6d";

export const REQUEST = {
  sqid: "main/17",
  queue: "main",
  number: 17,
  status: "accepted",
  ended: false,
  changes: [CHANGE],
  strategy: "REBASE",
  priority: 0,
  caller: "arn:aws:iam::123456789012:user/ada",
  receivedAt: AT,
  updatedAt: AT,
  metadata: {},
};
export const LANDED = { ...REQUEST, status: "landed", ended: true, updatedAt: LATER, metadata: { commit: COMMIT } };
export const CANCELLING = {
  ...REQUEST,
  status: "cancelling",
  reason: reasonOf("cancelled.by_caller", "not yet"),
  updatedAt: LATER,
};
export const QUEUE = {
  name: "main",
  repository: "https://github.com/acme/shop.git",
  branch: "main",
  strategy: "REBASE",
  mode: "open",
};
export const PAUSED = {
  ...QUEUE,
  mode: "paused",
  since: AT,
  note: "release day",
  modeBy: "arn:aws:iam::123456789012:user/grace",
};

export const NOW = {
  budget: 4,
  counts: { waiting: 0, building: 1, landing: 0 },
  ended: { lastHour: { landed: 3, refused: 1, cancelled: 0 }, lastDay: { landed: 40, refused: 5, cancelled: 1 } },
  timeToLand: { count: 40, medianSeconds: 700, p95Seconds: 1_900 },
  buildsRunning: 1,
  load: { receivedLastHour: 4, buildMinutes: 11.5 },
};
export const QUEUED = {
  sqid: "main/17",
  number: 17,
  status: "speculating",
  priority: 0,
  author: "ada@example.com",
  changes: [CHANGE],
  caller: "arn:aws:iam::123456789012:user/ada",
  receivedAt: AT,
  updatedAt: AT,
  sentence: "The request is being built. Probably lands in about 7 minutes.",
  estimateSeconds: 420,
  builds: [{ buildKey: BUILD_KEY, state: "running", startedAt: AT, base: ["main/15"] }],
};

const QUESTION_ID = "4c1f0c9d7b6e5f4a3c2d1e0f9a8b7c6d";
export const ASKED = { id: QUESTION_ID, queue: "main", askedAt: AT, expiresAt: "2026-11-26T10:30:00.000Z" };
export const TRIAL = {
  ...ASKED,
  state: "answered",
  sentence: "The changes merge onto 9a0d2c1b8a7e, where the branch is. This was a trial: nothing lands.",
  changes: [CHANGE],
  strategy: "REBASE",
  mergeable: true,
  trunk: "9a0d2c1b8a7e6f5d4c3b2a1908f7e6d5c4b3a291",
  touches: { files: 1, additions: 3, deletions: 1, paths: ["src/checkout.ts"] },
};
export const PREFLIGHT = {
  ...ASKED,
  state: "answered",
  sentence: "The queue can build.",
  canBuild: true,
  findings: [
    { kind: "ok", sentence: "The credentials may push branches to acme/shop." },
    { kind: "ok", sentence: "The check test reports." },
  ],
};
export const FLAKES = [{ name: "cart › adds up", builds: 3, requests: 2, lastSeen: AT }];
export const TALLY = {
  landed: 40,
  refused: 5,
  cancelled: 1,
  p50Seconds: 700,
  p95Seconds: 1_900,
  builds: 61,
  buildMinutes: 512.5,
  passed: 50,
  failed: 8,
  retried: 1,
  flaky: 1,
  reasons: { "build.failed": 4, "merge.conflict": 1 },
};
