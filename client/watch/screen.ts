import { emitKeypressEvents } from "node:readline";
import { createLogUpdate } from "log-update";
import type { LiveTerminal } from "../cli/terminal.ts";
import { frameOf, roomFor } from "./frame.ts";
import type { Snapshot } from "./row.ts";
import { found, type Key, press, type Scroll, START } from "./scroll.ts";

export interface Screen {
  show(snapshot: Snapshot): void;
  /** Prints lines that stay, above the view. */
  say(text: string): void;
  /** Removes the view and gives the terminal back. A repeat does nothing. */
  close(): void;
}

/** A view that is drawn anew each second, at each key and when the size of the terminal changes. `quit` is called when the reader ends it. */
export function openScreen({ output, input, colours }: LiveTerminal, quit: () => void, now = Date.now): Screen {
  const draw = createLogUpdate(output);
  let snapshot: Snapshot | undefined;
  let scroll: Scroll = START;
  let closed = false;
  const size = () => ({ columns: output.columns ?? 80, rows: output.rows ?? 24, colours });
  const redraw = () => {
    if (snapshot !== undefined && !closed) draw(frameOf(snapshot, scroll, size(), now()).join("\n"));
  };
  const resized = () => {
    draw.clear();
    redraw();
  };
  const pressed = (_: string | undefined, key: Key) => {
    const count = found(snapshot?.rows ?? [], scroll.search).length;
    const next = press(scroll, key, count, roomFor(size()));
    if (next === "quit") return quit();
    scroll = next;
    redraw();
  };
  const ticking = setInterval(redraw, 1_000);
  output.on("resize", resized);
  if (input !== undefined) {
    emitKeypressEvents(input);
    input.setRawMode(true);
    input.on("keypress", pressed);
    input.resume();
  }
  return {
    show(next) {
      snapshot = next;
      redraw();
    },
    say(text) {
      draw.clear();
      output.write(`${text}\n`);
      redraw();
    },
    close() {
      if (closed) return;
      closed = true;
      clearInterval(ticking);
      output.off("resize", resized);
      draw.clear();
      draw.done();
      input?.off("keypress", pressed);
      input?.setRawMode(false);
      input?.pause();
    },
  };
}
