/** Per state, the states that may follow. A state that none may follow is an end. */
export type Lifecycle<S extends string> = Readonly<Record<S, readonly S[]>>;

/** True when no state may follow this one. */
export const isEnd = <S extends string>(lifecycle: Lifecycle<S>, state: S): boolean => lifecycle[state].length === 0;

/** The state `to`. Throws when the lifecycle does not allow `to` after `from`: that is a programming error, never input. */
export function step<S extends string>(lifecycle: Lifecycle<S>, from: S, to: S): S {
  if (!lifecycle[from].includes(to)) throw new Error(`no step from ${from} to ${to}`);
  return to;
}
