import { useState } from "preact/hooks";
import { setMode } from "../api.ts";
import type { QueueNow } from "../contract.ts";
import { useDenial } from "../rights.tsx";
import { Dialog, fieldOf, ReasonField } from "../ui/dialog.tsx";
import { Icon } from "../ui/icon.tsx";

type Verb = "pause" | "drain" | "resume";

const ASKED: Readonly<Record<Verb, { readonly title: string; readonly what: string }>> = {
  pause: {
    title: "Pause the queue?",
    what: "Requests are taken and built as before, and none lands until the queue is resumed.",
  },
  drain: {
    title: "Drain the queue?",
    what: "What is in the queue lands. New requests are refused until the queue is resumed.",
  },
  resume: { title: "Resume the queue?", what: "New requests are taken, and what has passed lands." },
};

/** Pause, drain and resume; a caller who may not sees why. */
export function Controls({ now: { name, mode }, refresh }: { readonly now: QueueNow; readonly refresh: () => void }) {
  const [asked, setAsked] = useState<Verb>();
  const denial = useDenial(name)("operate");
  const verbs: readonly Verb[] =
    mode === "open" ? ["pause", "drain"] : mode === "paused" ? ["resume", "drain"] : ["resume", "pause"];
  const icons = { pause: "paused", drain: "draining", resume: "play" } as const;
  const names = { pause: "Pause", drain: "Drain", resume: "Resume" };
  return (
    <div class="controls">
      {verbs.map((verb) => (
        <button
          type="button"
          key={verb}
          class={verb === "resume" ? "primary" : ""}
          disabled={denial !== undefined}
          title={denial}
          onClick={() => setAsked(verb)}
        >
          <Icon name={icons[verb]} /> {names[verb]}
        </button>
      ))}
      {asked === undefined ? null : (
        <Dialog
          title={ASKED[asked].title}
          verb={names[asked]}
          close={() => setAsked(undefined)}
          act={async (fields) => {
            await setMode(name, asked, asked === "resume" ? undefined : fieldOf(fields, "reason"));
            refresh();
          }}
        >
          <p>{ASKED[asked].what}</p>
          {asked === "resume" ? null : <ReasonField label="Why? All who look at the queue see it." />}
        </Dialog>
      )}
    </div>
  );
}
