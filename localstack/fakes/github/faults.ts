import { Refusal } from "./refusal.ts";

/** Before: the call is not carried out. After: the call is carried out, and its answer is lost. */
type Moment = "before" | "after";

/** What a rate limit of the next call is like. */
export interface RateLimit {
  /** The operation that meets the limit. Absent: any. */
  readonly operation?: string;
  readonly retryAfterSeconds?: number;
  readonly kind?: "primary" | "secondary";
}

/** What is to go wrong at later calls of the fake GitHub. Each fault but a cut meets one call. */
export class Faults {
  readonly #refusals: { readonly operation: string | undefined; readonly refusal: Refusal }[] = [];
  readonly #lostAnswers: { readonly operation: string | undefined }[] = [];
  #cut: { readonly at: number; readonly moment: Moment } | undefined;

  /** The next call of the operation, or of any, is answered with the refusal. */
  refuse(refusal: Refusal, operation?: string): void {
    this.#refusals.push({ operation, refusal });
  }

  /** The next call of the operation, or of any, meets a rate limit. `now` is the time of the fake, in milliseconds. */
  limit({ operation, retryAfterSeconds = 60, kind = "secondary" }: RateLimit, now: number): void {
    const isPrimary = kind === "primary";
    const headers: Record<string, string> = isPrimary
      ? { "x-ratelimit-remaining": "0", "x-ratelimit-reset": String(Math.ceil(now / 1_000) + retryAfterSeconds) }
      : { "retry-after": String(retryAfterSeconds) };
    const message = isPrimary
      ? "API rate limit exceeded for installation."
      : "You have exceeded a secondary rate limit.";
    this.refuse(new Refusal(403, message, { headers }), operation);
  }

  /** The next call of the operation, or of any, does its work, and is answered 502. */
  loseAnswer(operation?: string): void {
    this.#lostAnswers.push({ operation });
  }

  /** The line breaks at the call of that number: before it is carried out, or after. No later call gets through. Undefined mends the line. */
  cut(cut: { readonly at: number; readonly moment: Moment } | undefined): void {
    this.#cut = cut;
  }

  /** Throws the refusal that is due for a call of the operation. */
  throwRefusal(operation: string): void {
    const refused = taken(this.#refusals, operation);
    if (refused !== undefined) throw refused.refusal;
  }

  /** True when the answer of this call of the operation is to be lost. */
  losesAnswer(operation: string): boolean {
    return taken(this.#lostAnswers, operation) !== undefined;
  }

  /** True when the line is broken at that moment of the call of that number. */
  isCut(moment: Moment, number: number): boolean {
    if (this.#cut === undefined) return false;
    return number > this.#cut.at || (number === this.#cut.at && this.#cut.moment === moment);
  }
}

/** Takes the first fault that is for the operation, or for any, off the list. */
function taken<T extends { readonly operation: string | undefined }>(faults: T[], operation: string): T | undefined {
  const due = faults.findIndex((fault) => fault.operation === undefined || fault.operation === operation);
  return due < 0 ? undefined : faults.splice(due, 1)[0];
}
