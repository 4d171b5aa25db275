/// <reference lib="webworker" />
import { entryOf } from "../../simulator/queue-history.ts";
import { whatIf } from "../../simulator/what-if.ts";
import type { Question, Reply } from "./messages.ts";

declare const self: DedicatedWorkerGlobalScope;

/** Answers a question option by option, so that the page can show each as it comes. */
self.onmessage = ({ data: { told, options } }: MessageEvent<Question>) => {
  const history = told.flatMap(({ request, events }) => entryOf(request, events) ?? []);
  for (const option of options) {
    const reply: Reply = { option, answer: whatIf(history, [option]) };
    self.postMessage(reply);
  }
};
