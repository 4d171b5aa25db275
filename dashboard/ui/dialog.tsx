import type { ComponentChildren } from "preact";
import { useEffect, useRef, useState } from "preact/hooks";
import { CallFailed } from "../api.ts";

interface DialogProps {
  readonly title: string;
  /** What the button says that does it. */
  readonly verb: string;
  readonly danger?: boolean;
  readonly children: ComponentChildren;
  /** Throws CallFailed, which is shown. */
  readonly act: (fields: FormData) => Promise<unknown>;
  readonly close: () => void;
}

/** Asks before something is done, and stays open when it could not be done. */
export function Dialog({ title, verb, danger = false, children, act, close }: DialogProps) {
  const dialog = useRef<HTMLDialogElement>(null);
  const [problem, setProblem] = useState<string>();
  const [busy, setBusy] = useState(false);
  useEffect(() => dialog.current?.showModal(), []);
  const submit = async (event: SubmitEvent) => {
    event.preventDefault();
    if (busy || !(event.currentTarget instanceof HTMLFormElement)) return;
    setBusy(true);
    try {
      await act(new FormData(event.currentTarget));
      close();
    } catch (error) {
      setProblem(sentenceOf(error));
      setBusy(false);
    }
  };
  return (
    <dialog ref={dialog} aria-labelledby="dialog-title" onClose={close}>
      <form onSubmit={submit}>
        <h2 id="dialog-title">{title}</h2>
        {children}
        {problem === undefined ? null : (
          <p class="problem" role="alert">
            {problem}
          </p>
        )}
        <p class="buttons">
          <button type="button" onClick={() => dialog.current?.close()}>
            Leave it
          </button>
          <button type="submit" class={danger ? "danger" : "primary"} disabled={busy}>
            {busy ? "…" : verb}
          </button>
        </p>
      </form>
    </dialog>
  );
}

function sentenceOf(error: unknown): string {
  if (!(error instanceof CallFailed)) return String(error);
  return error.status === 401 || error.status === 403 ? `You may not do this. ${error.message}` : error.message;
}

/** A line of text that the log keeps. */
export const ReasonField = ({ label }: { readonly label: string }) => (
  <label class="field">
    {label}
    <input name="reason" maxLength={500} autoComplete="off" />
  </label>
);

/** What was typed into a field, without blanks around it. */
export const fieldOf = (fields: FormData, name: string): string => String(fields.get(name) ?? "").trim();
