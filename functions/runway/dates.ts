/** The time at the end of an author or committer line, in seconds since 1970. 0 when the line has no readable time. */
export const secondsOf = (identity: string): number => {
  const seconds = Number(/ (-?\d+) [+-]\d+$/.exec(identity)?.[1] ?? 0);
  return Number.isSafeInteger(seconds) ? seconds : 0;
};

/**
 * The committer line, with its time set to `seconds` when it is earlier. git uses the dates of commits to limit its searches through a
 * history, so a commit must not be dated before its parents. Example: `notBefore("Ada <a@b> 100 +0200", 150)` is `Ada <a@b> 150 +0200`.
 */
export const notBefore = (identity: string, seconds: number): string =>
  secondsOf(identity) >= seconds ? identity : identity.replace(/ -?\d+ ([+-]\d+)$/, ` ${seconds} $1`);
