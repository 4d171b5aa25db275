/** The limit of a wait, in milliseconds. It ends a wait for what never comes, and says nothing about how fast anything has to be. */
export const LIMIT_MS = 240_000;
