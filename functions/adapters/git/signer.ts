/**
 * Signs commits as git does (`gpg.format` ssh or openpgp). The same commit gets the same signature from the same key, whenever and wherever
 * it is made: so a commit that is made again is the commit that was built.
 */
export interface Signer {
  /** Stands for the key. */
  readonly id: string;
  /** The armored signature of a commit's bytes. `seconds`: the moment that the commit was committed, since 1970. */
  sign(commit: Buffer, seconds: number): Promise<string>;
}
