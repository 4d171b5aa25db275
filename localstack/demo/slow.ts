import type { ChangePlan, RequestPlan } from "./request-plan.ts";

/** How long the check of the slow change takes by itself, in seconds: far longer than the queue takes to land others around it. */
const SLOW_SECONDS = 300;

/** How many requests `slowAndBehind` plans. */
export const SLOW_AND_BEHIND = 4;

/**
 * A change whose check waits until real time has passed; one behind it that makes time pass at once, with which the check of the first
 * is quick; and two that use what the first adds. All meet in one folder. So the second passes with the first and without it, while the
 * first is still being built: it lands past it. The others pass with the first only: they wait for it, and leave with it.
 */
export function slowAndBehind(folder: string, author: (name: string) => string): RequestPlan[] {
  const landing = (change: ChangePlan, after?: RequestPlan): RequestPlan => ({
    changes: [change],
    expected: "landed",
    ...(after ? { after } : {}),
  });
  const slow = landing(holds(folder, author("Frances")));
  const quick = landing(clock(folder, author("Hedy")), slow);
  return [
    slow,
    quick,
    landing(user({ folder, name: "reminders", fn: "remindAt", wait: "HELD_MS / 2", author: author("Jean") }), quick),
    landing(user({ folder, name: "waiting-list", fn: "askNextAt", wait: "HELD_MS", author: author("Annie") }), quick),
  ];
}

const holds = (folder: string, author: string): ChangePlan => ({
  name: "holds",
  folder,
  author,
  commits: [
    {
      message: `${folder}: add holds`,
      files: {
        [`${folder}/holds.js`]: `import { find } from "./items.js";

/** For how long an item is held for a customer, in milliseconds. */
export const HELD_MS = ${SLOW_SECONDS}_000;

/** Which items are held, by a clock. */
export function holds({ now }) {
  const until = new Map();
  return {
    hold: (item) => until.set(find(item).name, now() + HELD_MS),
    isHeld: (item) => (until.get(item) ?? 0) > now(),
  };
}
`,
      },
    },
    {
      message: `${folder}: check holds`,
      files: {
        [`${folder}/holds.check.js`]: `import assert from "node:assert/strict";
import * as clock from "./clock.js";
import { HELD_MS, holds } from "./holds.js";

export const checks = {
  "a pot is held until its time has passed": async () => {
    const { hold, isHeld } = holds(clock);
    hold("pot");
    assert.ok(isHeld("pot"));
    await clock.pass(HELD_MS + 10);
    assert.ok(!isHeld("pot"));
  },
};
`,
      },
    },
  ],
});

const clock = (folder: string, author: string): ChangePlan => ({
  name: "quick-clock",
  folder,
  author,
  commits: [
    {
      message: `${folder}: let time pass at once in checks`,
      files: {
        [`${folder}/clock.js`]: `// The time that checks go by: it passes when they say so, without waiting.
let ahead = 0;

export const now = () => performance.now() + ahead;

/** Lets time pass, in milliseconds. */
export const pass = async (ms) => {
  ahead += ms;
};
`,
      },
    },
    {
      message: `${folder}: check that a day passes at once`,
      files: {
        [`${folder}/quick-clock.check.js`]: `import assert from "node:assert/strict";
import { now, pass } from "./clock.js";

export const checks = {
  "a day passes at once": async () => {
    const start = now();
    await pass(86_400_000);
    assert.ok(now() - start >= 86_400_000);
  },
};
`,
      },
    },
  ],
});

interface UserOptions {
  readonly folder: string;
  readonly name: string;
  readonly fn: string;
  readonly wait: string;
  readonly author: string;
}

/** Uses what the slow change adds, in files of its own. */
const user = ({ folder, name, fn, wait, author }: UserOptions): ChangePlan => ({
  name,
  folder,
  author,
  commits: [
    {
      message: `${folder}: add ${name}`,
      files: {
        [`${folder}/${name}.js`]: `import { HELD_MS } from "./holds.js";

/** When it is time, for an item that has been held since then. Milliseconds. */
export const ${fn} = (heldAt) => heldAt + ${wait};
`,
      },
    },
    {
      message: `${folder}: check ${name}`,
      files: {
        [`${folder}/${name}.check.js`]: `import assert from "node:assert/strict";
import { ${fn} } from "./${name}.js";

export const checks = {
  "${name} come after the item is held": () => assert.ok(${fn}(1_000) > 1_000),
};
`,
      },
    },
  ],
});
