import type { ProgramCall, ProgramEnd, RunCall } from "../../functions/adapters/processes.ts";

/** What a process asks of its helper. `id` names a program until its end. */
export type Order =
  | { readonly kind: "run"; readonly id: number; readonly call: RunCall }
  | { readonly kind: "start"; readonly id: number; readonly call: ProgramCall }
  | { readonly kind: "write"; readonly id: number; readonly text: string }
  | { readonly kind: "end"; readonly id: number };

/**
 * What the helper answers. `ended` is the last word about a program that was run; `closed`, about one that was spoken to, with the code of
 * the operating system when the program was not started.
 */
export type Answer =
  | { readonly kind: "ended"; readonly id: number; readonly end: ProgramEnd }
  | { readonly kind: "output"; readonly id: number; readonly bytes: Uint8Array }
  | { readonly kind: "closed"; readonly id: number; readonly problem: string | undefined };
