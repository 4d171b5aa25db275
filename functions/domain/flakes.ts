import { hashOf } from "../contracts/hash.ts";
import { BuildKey, partsOfSqid, type RequestNumber, type Sqid } from "../contracts/ids.ts";
import type { LogEvent } from "../contracts/log-event.ts";
import type { EpochMs } from "../contracts/time.ts";

/** A test, or a check, that has failed and then passed on the same tree. */
interface Flake {
  readonly name: string;
  /** How many builds failed for the flake, and how many requests these builds were of. */
  readonly builds: number;
  readonly requests: number;
  readonly lastSeen: EpochMs;
  /** The numbers of the requests that the flake was seen in, the last one last. At most MOST_REMEMBERED. */
  readonly seenIn: readonly RequestNumber[];
}

/** The flakes of a queue, the one that was seen last first. At most MOST_FLAKES. */
export interface FlakeLedger {
  readonly flakes: readonly Flake[];
  /** Hashes of the keys of the failed builds that were counted, the last one last, so that no build counts twice. At most MOST_COUNTED. */
  readonly counted: readonly string[];
}

export const NO_FLAKES: FlakeLedger = { flakes: [], counted: [] };

/** A failed build whose repeat passed. */
export interface FlakyBuild {
  /** The build that failed. */
  readonly buildKey: BuildKey;
  readonly sqid: Sqid;
  /** What failed: the tests, or one check (`namesIn`). Empty when the reason of the failure names neither. */
  readonly names: readonly string[];
  /** When the planner decided to repeat the build. */
  readonly at: EpochMs;
}

/** How many flakes a queue keeps. */
const MOST_FLAKES = 50;
/** How many requests a flake remembers. */
const MOST_REMEMBERED = 20;
/** How many builds a queue remembers as counted. */
const MOST_COUNTED = 300;

/**
 * The failed builds in a request's log whose repeat passed. A failed build is in the answer when
 * - a `retrying` entry names it, with reason `build.failed` (failures on a red trunk and of the infrastructure have other codes), and
 * - the build that the entry names as the repeat (`repeated_by`) passed. The planner names a build on the same tree, as far as the tree can
 *   matter to the failure.
 *
 * Example: build 1 fails for `cart › adds up`, `retrying` says that build 2 repeats build 1, and build 2 passes. The answer is build 1.
 */
export function flakyBuildsIn(entries: readonly LogEvent[]): readonly FlakyBuild[] {
  const named = (event: string) => entries.filter((entry) => entry.kind === "event" && entry.event === event);
  const passed = new Set(named("built").map(({ metadata }) => metadata["build_key"]));
  return named("retrying").flatMap(({ sqid, at, reason, metadata }) => {
    const buildKey = BuildKey.safeParse(metadata["build_key"]).data;
    const repeat = metadata["repeated_by"];
    if (buildKey === undefined || repeat === undefined || reason?.code !== "build.failed") return [];
    return passed.has(repeat) ? [{ buildKey, sqid, names: namesIn(reason.message), at }] : [];
  });
}

/** `Failed tests: cart › adds up, cart › is empty and 3 more.`, as build runners write it. */
const FAILED_TESTS = /^Failed tests: (.+?)(?: and \d+ more)?\.$/m;
/** `The check unit (github-actions) ended with failure.` */
const FAILED_CHECK = /^The check (.+?)(?: \([^()]*\))? ended with /m;

/**
 * What failed, according to the message of a failed build's reason: the tests, or the check when the message names no test. Empty when it
 * names neither. Example: `Failed tests: a, b and 3 more.` gives a and b. A test whose name holds `, ` is taken for two.
 */
export function namesIn(message: string): readonly string[] {
  const tests = FAILED_TESTS.exec(message)?.[1]?.split(", ");
  if (tests !== undefined) return tests;
  const check = FAILED_CHECK.exec(message)?.[1];
  return check === undefined ? [] : [check];
}

const hashOfKey = (key: BuildKey): string => hashOf("flaky build", key).slice(0, 10);

/** The ledger with these builds counted. A build counts once, however often it is given. The same object when all were counted before. */
export function countFlaky(ledger: FlakeLedger, found: readonly FlakyBuild[]): FlakeLedger {
  return found.reduce((before, build) => {
    const hash = hashOfKey(build.buildKey);
    if (before.counted.includes(hash)) return before;
    const flakes = build.names.reduce((all, name) => seen(all, name, build), before.flakes);
    return { flakes, counted: [...before.counted, hash].slice(-MOST_COUNTED) };
  }, ledger);
}

/** The flakes after the build has failed for the flake `name`. */
function seen(flakes: readonly Flake[], name: string, { sqid, at }: FlakyBuild): readonly Flake[] {
  const { n } = partsOfSqid(sqid);
  const before = flakes.find((flake) => flake.name === name);
  const isNewRequest = before?.seenIn.includes(n) !== true;
  const next: Flake = {
    name,
    builds: (before?.builds ?? 0) + 1,
    requests: (before?.requests ?? 0) + (isNewRequest ? 1 : 0),
    lastSeen: Math.max(at, before?.lastSeen ?? 0) as EpochMs,
    seenIn: isNewRequest ? [...(before?.seenIn ?? []), n].slice(-MOST_REMEMBERED) : (before?.seenIn ?? []),
  };
  return [next, ...flakes.filter((flake) => flake !== before)]
    .toSorted((a, b) => b.lastSeen - a.lastSeen)
    .slice(0, MOST_FLAKES);
}
