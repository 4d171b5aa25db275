import { useEffect, useRef, useState } from "preact/hooks";
import type { RequestSummary } from "../../functions/contracts/api/request-views.ts";
import { cancelRequest, setPriority } from "../api.ts";
import { useDenial } from "../rights.tsx";
import { Dialog, fieldOf, ReasonField } from "../ui/dialog.tsx";
import { Icon } from "../ui/icon.tsx";

interface ActionsProps {
  readonly queue: string;
  /** Its caller may cancel it. */
  readonly request: Pick<RequestSummary, "number" | "status" | "priority" | "caller">;
  /** Called when something was done. */
  readonly done: () => void;
  /** One button that opens both, for a row. */
  readonly compact?: boolean;
}

/** Cancel a request, or change its priority; a person who may not sees why. */
export function RequestActions({ queue, request, done, compact = false }: ActionsProps) {
  const { number, status, priority, caller } = request;
  const [asked, setAsked] = useState<"cancel" | "priority">();
  const close = () => setAsked(undefined);
  const denial = useDenial(queue);
  const denied = { priority: denial("priority"), cancel: denial("cancelOthers", caller) };
  const isLeaving = status === "cancelling";
  const buttons = (
    <>
      <button
        type="button"
        onClick={() => setAsked("priority")}
        disabled={isLeaving || denied.priority !== undefined}
        title={denied.priority}
      >
        <Icon name="up" /> Priority
      </button>
      <button
        type="button"
        class="danger-quiet"
        onClick={() => setAsked("cancel")}
        disabled={isLeaving || denied.cancel !== undefined}
        title={denied.cancel}
      >
        <Icon name="cancelled" /> Cancel
      </button>
    </>
  );
  return (
    <div class={compact ? "row-actions" : "controls"}>
      {compact ? <Menu label={`Actions for request ${number}`}>{buttons}</Menu> : buttons}
      {asked === "cancel" ? (
        <Dialog
          title={`Cancel #${number}?`}
          verb="Cancel the request"
          danger
          close={close}
          act={async (fields) => {
            await cancelRequest(queue, number, fieldOf(fields, "reason"));
            done();
          }}
        >
          <p>It leaves the queue, and its builds are stopped. Its changes can be landed again later.</p>
          <ReasonField label="Why? The person who asked for the change sees this." />
        </Dialog>
      ) : null}
      {asked === "priority" ? (
        <Dialog
          title={`Priority of #${number}`}
          verb="Change it"
          close={close}
          act={async (fields) => {
            await setPriority(queue, number, Number(fieldOf(fields, "priority")), fieldOf(fields, "reason"));
            done();
          }}
        >
          <p>A higher one goes ahead of all requests that have not started to land.</p>
          <label class="field">
            Priority
            <input name="priority" type="number" min={0} max={100} required defaultValue={String(priority)} />
          </label>
          <ReasonField label="Why?" />
        </Dialog>
      ) : null}
    </div>
  );
}

interface MenuProps {
  readonly label: string;
  readonly children: preact.ComponentChildren;
}

/** A button with a few more behind it. It closes when the focus leaves it, so also when a dialog opens. */
function Menu({ label, children }: MenuProps) {
  const [open, setOpen] = useState(false);
  const root = useRef<HTMLDivElement>(null);
  useEffect(() => {
    if (!open) return undefined;
    const away = (event: Event) => {
      if (event instanceof KeyboardEvent ? event.key === "Escape" : !root.current?.contains(event.target as Node))
        setOpen(false);
    };
    for (const kind of ["keydown", "pointerdown", "focusin"]) addEventListener(kind, away);
    return () => {
      for (const kind of ["keydown", "pointerdown", "focusin"]) removeEventListener(kind, away);
    };
  }, [open]);
  return (
    <div class="menu" ref={root}>
      <button type="button" class="quiet" aria-label={label} aria-expanded={open} onClick={() => setOpen(!open)}>
        <Icon name="dots" />
      </button>
      {open ? <div class="menu-items">{children}</div> : null}
    </div>
  );
}
