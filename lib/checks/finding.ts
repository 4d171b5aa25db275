/** A fault in a finished template. */
export interface Finding {
  readonly rule: string;
  readonly stack: string;
  readonly logicalId: string;
  /** One sentence: where the fault is, and what is wrong. */
  readonly message: string;
}
