/** The moment at the end of an author or committer line, in seconds since 1970: 0 when there is none that can be read. */
export const secondsOf = (identity: string): number => {
  const seconds = Number(/ (-?\d+) [+-]\d+$/.exec(identity)?.[1] ?? 0);
  return Number.isSafeInteger(seconds) ? seconds : 0;
};

/**
 * The committer line, with its moment moved to `seconds` when it is earlier. git finds its way through a history by dates: a commit that is
 * older than its parent misleads it. Example: `notBefore("Ada <a@b> 100 +0200", 150)` is `Ada <a@b> 150 +0200`.
 */
export const notBefore = (identity: string, seconds: number): string =>
  secondsOf(identity) >= seconds ? identity : identity.replace(/ -?\d+ ([+-]\d+)$/, ` ${seconds} $1`);
