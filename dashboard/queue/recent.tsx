import type { EndedNow } from "../contract.ts";
import { requestPath } from "../routes.ts";
import { Icon } from "../ui/icon.tsx";
import { Link } from "../ui/link.tsx";
import { Ago } from "../ui/time.tsx";

/** What an end is called, and drawn as. An end of a later release, whose status is not known here, is called by the status. */
export const endOf = (status: string) =>
  status === "landed"
    ? ({ word: "landed", icon: "landed" } as const)
    : status === "cancelled"
      ? ({ word: "cancelled", icon: "cancelled" } as const)
      : status === "error"
        ? ({ word: "refused", icon: "refused" } as const)
        : ({ word: status, icon: "waiting" } as const);

/** What just landed, and what was refused and why. */
export function Recent({ queue, recent }: { readonly queue: string; readonly recent: readonly EndedNow[] }) {
  if (recent.length === 0) return <p class="hint">No request has ended yet.</p>;
  return (
    <ol class="recent">
      {recent.map((ended) => (
        <Ended key={ended.number} queue={queue} ended={ended} />
      ))}
    </ol>
  );
}

function Ended({
  queue,
  ended: { number, status, reason, endedAt, commit, title },
}: {
  readonly queue: string;
  readonly ended: EndedNow;
}) {
  const { word, icon } = endOf(status);
  return (
    <li class={`ended end-${word}`}>
      <Icon name={icon} />
      <p>
        <Link to={requestPath(queue, number)}>#{number}</Link> {word}
        {commit === undefined || status !== "landed" ? null : <code> {commit.slice(0, 8)}</code>}
        <span class="when">
          <Ago at={endedAt} />
        </span>
      </p>
      {title === undefined ? null : <p class="ended-title">{title}</p>}
      {reason === undefined || (reason.code === "cancelled.by_caller" && reason.message === "") ? null : (
        <p class="reason">{firstLine(reason.message)}</p>
      )}
    </li>
  );
}

const firstLine = (text: string): string => text.split("\n", 1)[0] ?? "";
