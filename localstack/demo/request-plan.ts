import type { Files } from "../sandbox/project.ts";

/** A change that is yet to be made: a branch with some commits. */
export interface ChangePlan {
  /** Last part of the branch's name. */
  readonly name: string;
  readonly folder: string;
  readonly author: string;
  /** The change that it is stacked on; absent when it starts from the trunk. */
  readonly onto?: string;
  readonly commits: readonly { readonly message: string; readonly files: Files }[];
}

/** What is asked of the queue in one call, and how it must end. */
export interface RequestPlan {
  readonly changes: readonly ChangePlan[];
  readonly expected: "landed" | "build.failed";
  /** The request that must have joined the queue before this one is made: which of two conflicting ones comes first decides who fails. */
  readonly after?: RequestPlan;
}
