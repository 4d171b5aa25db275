import type { IncomingMessage, ServerResponse } from "node:http";
import type { LifecycleEvent } from "../../functions/contracts/lifecycle-event.ts";
import type { EventBus } from "./event-bus.ts";

/** Lifecycle events as server-sent events: `GET /v1/events`. */
export interface EventStreams {
  /** True for a request of the stream's address, by any method. */
  isFor(request: IncomingMessage): boolean;
  /** Answers with a stream that ends when the reader goes, or reads too slowly. A reader that comes again asks the API for what it missed. */
  open(response: ServerResponse): void;
  /** Ends all streams. */
  end(): void;
}

/** A comment this often tells a reader, and what is between, that the stream lives. */
const HEARTBEAT_MS = 15_000;

/** A reader that leaves more than this unread is cut off. */
const MAX_UNREAD_BYTES = 1_048_576;

export function eventStreams(bus: EventBus): EventStreams {
  const open = new Set<ServerResponse>();
  const write = (response: ServerResponse, text: string): void => {
    if (response.writableLength > MAX_UNREAD_BYTES) response.destroy();
    else response.write(text);
  };
  return {
    isFor: ({ url = "" }) => url.split("?", 1)[0] === "/v1/events",
    open: (response) => {
      response.writeHead(200, { "content-type": "text/event-stream", "cache-control": "no-store" });
      response.write(": events from now on\n\n");
      open.add(response);
      const unsubscribe = bus.subscribe((event) => write(response, messageOf(event)));
      const timer = setInterval(() => write(response, ": still here\n\n"), HEARTBEAT_MS);
      response.once("close", () => {
        open.delete(response);
        unsubscribe();
        clearInterval(timer);
      });
    },
    end: () => {
      for (const response of open) response.end();
    },
  };
}

/** Without an `event` field, so that `onmessage` of a browser's EventSource gets every event. */
const messageOf = (event: LifecycleEvent): string => `id: ${event.id}\ndata: ${JSON.stringify(event)}\n\n`;
