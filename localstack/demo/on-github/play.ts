import { setTimeout as pause } from "node:timers/promises";
import type { FakeGitHub } from "../../fakes/github/index.ts";
import { addComment } from "../../fakes/github/issue-comments.ts";
import { changeLabel } from "../../fakes/github/labels.ts";
import { openPull } from "../../fakes/github/pull-requests.ts";
import type { RepositoryState } from "../../fakes/github/state.ts";
import type { Sandbox } from "../../sandbox/sandbox.ts";
import { isTold, type Played, shownOf } from "./assess.ts";
import { PUSHED_TO, type PullPlan } from "./plan.ts";
import { BRANCH, commitTo } from "./shop.ts";

const LOOK_EVERY_MS = 250;
const PERSON = "ann";
const QUEUE = "submitqueue[bot]";

export interface Play {
  readonly github: FakeGitHub;
  readonly repository: RepositoryState;
  readonly shop: Sandbox;
  readonly plans: readonly PullPlan[];
  readonly signal: AbortSignal;
  /** Lets GitHub's clock run ahead: GitHub counts in seconds, and no push may share one with a command. */
  readonly tick: () => void;
  /** Called whenever something may be new. */
  readonly show: (played: readonly Played[]) => void;
}

/** Opens the pull requests, asks for them as people do, pushes to one of them, and watches until GitHub shows an end of each. */
export async function play(of: Play): Promise<readonly Played[]> {
  const { plans, signal, show } = of;
  const played: Played[] = [];
  for (const plan of plans) played.push(await open(of, plan));
  const toAsk = new Set(played);
  let isPushed = false;
  while (!signal.aborted && !played.every((one) => isTold(shownOf(of.repository, one)))) {
    await of.github.sync(of.repository.fullName, QUEUE);
    for (const one of [...toAsk].filter((waiting) => isDue(of, played, waiting))) {
      toAsk.delete(one);
      ask(of, one);
    }
    const target = played.find(({ plan }) => plan.branch === PUSHED_TO);
    if (!isPushed && target !== undefined && isBuilding(of, target)) {
      isPushed = true;
      await push(of, target);
    }
    show(played);
    await pause(LOOK_EVERY_MS);
  }
  await of.github.sync(of.repository.fullName, QUEUE);
  show(played);
  return played;
}

async function open({ github, repository, shop, tick }: Play, plan: PullPlan): Promise<Played> {
  const { branch, title, body = "", files, onto } = plan;
  repository.pushers.set(`refs/heads/${branch}`, PERSON);
  await commitTo(shop, { branch, from: onto === undefined ? shop.start : `refs/heads/${onto}`, message: title, files });
  await github.sync(repository.fullName, PERSON);
  const pull = await openPull(github, repository, { title, body, head: branch, base: onto ?? BRANCH, by: PERSON });
  tick();
  return { plan, pull, head: pull.head };
}

function ask({ github, repository, tick }: Play, { plan: { ask: asked }, pull }: Played): void {
  if (asked === undefined) return;
  if ("comment" in asked) addComment(github, repository, pull, asked.comment, PERSON);
  else changeLabel(github, repository, pull, { label: asked.label, action: "labeled", by: PERSON });
  tick();
}

/** True when nothing has to be on its way before the pull request is asked for. */
const isDue = ({ repository }: Play, played: readonly Played[], { plan: { after } }: Played): boolean => {
  const first = played.find(({ plan }) => plan.branch === after);
  return first === undefined || !["Queued", undefined, null].includes(shownOf(repository, first).check?.title);
};

const isBuilding = ({ repository }: Play, one: Played): boolean => shownOf(repository, one).check?.title === "Building";

async function push({ github, repository, shop, tick }: Play, { plan: { branch } }: Played): Promise<void> {
  tick();
  const files = { [`${branch}/price`]: "8\n" };
  await commitTo(shop, { branch, from: branch, message: "Lower the price", files });
  await github.sync(repository.fullName, PERSON);
}
