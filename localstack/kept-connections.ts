/**
 * For every server of this machine: an idle connection ends when its caller ends it, and never by a timer of the server. A process that
 * was busy for some seconds finds the timers of both sides due at once: the server would end a connection on which its caller has just
 * sent a call, and the caller would see ECONNRESET.
 */
export const KEPT_CONNECTIONS = { keepAliveTimeout: 0 } as const;
