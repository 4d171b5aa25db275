import { type Logger, multistream, pino } from "pino";
import * as z from "zod";

const Line = z.looseObject({
  level: z.number(),
  msg: z.string().default(""),
  err: z
    .looseObject({ type: z.string().default("Error"), code: z.string().optional(), message: z.string().default("") })
    .optional(),
});

/** A logger of JSON lines to a file, written at once so that a kill loses none. Warnings and errors also go to standard error, shortly. */
export function logTo(file: string, name: string, quiet: boolean): Logger {
  const options = { base: { function: name }, timestamp: pino.stdTimeFunctions.isoTime };
  const streams = [{ level: "info" as const, stream: pino.destination({ dest: file, mkdir: true, sync: true }) }];
  if (quiet) return pino(options, multistream(streams));
  const short = { write: (text: string) => void process.stderr.write(shortLine(name, text)) };
  return pino(options, multistream([...streams, { level: "warn" as const, stream: short }]));
}

function shortLine(name: string, text: string): string {
  const { level, msg, err } = Line.parse(JSON.parse(text));
  const why = err === undefined ? "" : `: ${err.code ?? err.type}: ${err.message.split("\n", 1)[0]}`;
  return `${level >= 50 ? "error" : "warn"}  ${name}  ${msg}${why}\n`;
}
