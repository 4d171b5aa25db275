import type { Files } from "../../sandbox/project.ts";

/** How a pull request is to end. */
export type Expected = "landed" | "build.failed" | "merge.conflict" | "cancelled.by_caller";

export interface PullPlan {
  /** The name of its branch. */
  readonly branch: string;
  readonly title: string;
  readonly body?: string;
  readonly files: Files;
  /** The branch below, in a stack. Absent: the trunk. */
  readonly onto?: string;
  /** What is done to land the pull request. Absent: the pull request above lands this one too. */
  readonly ask?: { readonly comment: string } | { readonly label: string };
  /** The branch whose pull request is to be on its way first. */
  readonly after?: string;
  readonly expected: Expected;
}

/** Five that land, a stack of three, one that fails, one that conflicts with another, and one that is pushed to. */
export const PULLS: readonly PullPlan[] = [
  {
    branch: "assam",
    title: "Sell Assam",
    files: { "assam/price": "3.90\n" },
    ask: { comment: "/land" },
    expected: "landed",
  },
  {
    branch: "darjeeling",
    title: "Sell Darjeeling",
    files: { "darjeeling/price": "5.40\n" },
    ask: { label: "land" },
    expected: "landed",
  },
  {
    branch: "sencha",
    title: "Sell Sencha",
    body: "Closes #100.",
    files: { "sencha/price": "6\n" },
    ask: { comment: "/land strategy=squash" },
    expected: "landed",
  },
  {
    branch: "oolong",
    title: "Sell Oolong",
    files: { "oolong/price": "7.10\n" },
    ask: { comment: "/land" },
    expected: "landed",
  },
  {
    branch: "earl-grey-dearer",
    title: "Raise the price of Earl Grey",
    files: { "earl-grey/price": "4.50\n" },
    ask: { comment: "/land" },
    expected: "landed",
  },
  { branch: "menu", title: "Write a menu", files: { "menu/teas": "Earl Grey\n" }, expected: "landed" },
  {
    branch: "menu-prices",
    title: "Put prices on the menu",
    onto: "menu",
    files: { "menu/prices": "4.20\n" },
    expected: "landed",
  },
  {
    branch: "menu-print",
    title: "Print the menu",
    onto: "menu-prices",
    files: { "menu/print": "lp menu/teas menu/prices\n" },
    ask: { comment: "/land" },
    expected: "landed",
  },
  {
    branch: "rooibos",
    title: "Give Rooibos away",
    files: { "rooibos/price": "0\n" },
    ask: { comment: "/land" },
    expected: "build.failed",
  },
  {
    branch: "earl-grey-cheaper",
    title: "Lower the price of Earl Grey",
    files: { "earl-grey/price": "3.80\n" },
    ask: { comment: "/land" },
    after: "earl-grey-dearer",
    expected: "merge.conflict",
  },
  {
    branch: "pu-erh",
    title: "Sell Pu-erh, once it has aged",
    files: { "pu-erh/price": "9\n", "pu-erh/slow": "It ages for years.\n" },
    ask: { comment: "/land" },
    expected: "cancelled.by_caller",
  },
];

/** The pull request that is pushed to while it is being built. */
export const PUSHED_TO = "pu-erh";
