/** A lifecycle is one table: state -> the states that may follow. A state with no follower is an end. */
export type Lifecycle<S extends string> = Readonly<Record<S, readonly S[]>>;

/** True when no state may follow. */
export const isEnd = <S extends string>(lifecycle: Lifecycle<S>, state: S): boolean => lifecycle[state].length === 0;

/** Throws when the table does not allow the step: that is a programming error, never input. */
export function step<S extends string>(lifecycle: Lifecycle<S>, from: S, to: S): S {
  if (!lifecycle[from].includes(to)) throw new Error(`no step from ${from} to ${to}`);
  return to;
}
