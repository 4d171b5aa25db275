import { DRAWINGS, type IconName } from "./drawings.ts";

/** Decoration: what it means stands beside it in words. */
export const Icon = ({ name }: { readonly name: IconName }) => (
  <svg class={`icon icon-${name}`} viewBox="0 0 16 16" width="16" height="16" aria-hidden="true" focusable="false">
    <path d={DRAWINGS[name]} />
  </svg>
);
