import { useEffect, useState } from "preact/hooks";
import { serverNow } from "../api.ts";
import { clock, span } from "../words.ts";

const ticking = new Set<() => void>();
setInterval(() => {
  if (document.visibilityState === "visible") for (const tick of ticking) tick();
}, 1_000);

/** Seconds since a moment, counted on every second. */
function useSecondsSince(moment: string): number {
  const [, setTick] = useState(0);
  useEffect(() => {
    const tick = () => setTick((n) => n + 1);
    ticking.add(tick);
    return () => void ticking.delete(tick);
  }, []);
  return Math.max(0, (serverNow() - Date.parse(moment)) / 1_000);
}

/** `1:05`, running. */
export const Clock = ({ since }: { readonly since: string }) => (
  <time dateTime={since}>{clock(useSecondsSince(since))}</time>
);

/** `3 min ago`. The moment itself is in the tooltip. */
export function Ago({ at }: { readonly at: string }) {
  const seconds = useSecondsSince(at);
  const text = seconds < 5 ? "now" : `${span(seconds < 60 ? seconds : Math.floor(seconds / 60) * 60)} ago`;
  return (
    <time dateTime={at} title={localTime(at)}>
      {text}
    </time>
  );
}

/** `3 min 20 s`, running. */
export const For = ({ since }: { readonly since: string }) => (
  <time dateTime={since}>{span(useSecondsSince(since))}</time>
);

export const localTime = (moment: string): string =>
  new Date(moment).toLocaleString(undefined, { dateStyle: "medium", timeStyle: "medium" });
