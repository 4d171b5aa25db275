/** A fault in a finished template. */
export interface Finding {
  readonly rule: string;
  readonly stack: string;
  readonly logicalId: string;
  /** One sentence: where it is, and what is wrong with it. */
  readonly message: string;
}
