import { Server } from "@modelcontextprotocol/sdk/server/index.js";
import {
  CallToolRequestSchema,
  type CallToolResult,
  ListToolsRequestSchema,
  type ToolAnnotations,
} from "@modelcontextprotocol/sdk/types.js";
import * as z from "zod";
import { UsageError } from "../cli/usage-error.ts";
import { lenient } from "../lenient.ts";
import { refused } from "./refused.ts";

/** A tool as a server lists and calls it. */
export interface Tool {
  readonly name: string;
  readonly title: string;
  readonly description: string;
  readonly input: z.ZodObject;
  readonly output: z.ZodType;
  readonly annotations: ToolAnnotations;
  /** `signal` aborts when the client gives the call up. */
  readonly call: (input: unknown, signal: AbortSignal) => Promise<object>;
}

/**
 * Names a tool by the fields of its input and its output, and by what it does with an input of that shape. A field of no such name is refused.
 * Agents hold an answer against the output: it is as lenient as the client that the answer comes by.
 */
export function tool<I extends z.ZodRawShape>(
  about: Pick<Tool, "name" | "title" | "description" | "annotations">,
  input: I,
  output: z.ZodRawShape,
  work: (input: z.output<z.ZodObject<I, z.core.$strict>>, signal: AbortSignal) => Promise<object>,
): Tool {
  const taken = z.strictObject(input);
  return {
    ...about,
    input: taken,
    output: lenient(z.object(output)),
    call: async (given, signal) => {
      const parsed = taken.safeParse(given);
      if (!parsed.success) throw new UsageError(sentenceOf(about.name, parsed.error));
      return work(parsed.data, signal);
    },
  };
}

/** A sentence that names the problems of an input. Example: `land does not take this input: Unrecognized key: "branch"`. */
const sentenceOf = (name: string, { issues }: z.ZodError): string =>
  `${name} does not take this input: ${issues.map(({ path, message }) => [...path, message].join(": ")).join("; ")}`;

/** A server of tools, and a promise that no call is under way. */
export interface ToolServer {
  readonly server: Server;
  /** Settles once every call that has begun is over, and its answer is sent. */
  idle(): Promise<void>;
}

export function toolServer(
  { name, version, instructions }: { readonly name: string; readonly version: string; readonly instructions: string },
  tools: readonly Tool[],
): ToolServer {
  const server = new Server({ name, version }, { instructions, capabilities: { tools: {} } });
  const running = new Set<Promise<unknown>>();
  server.setRequestHandler(ListToolsRequestSchema, () => ({ tools: tools.map(listed) }));
  server.setRequestHandler(CallToolRequestSchema, ({ params }, { signal }) => {
    const answer = refused(async () =>
      result(await toolNamed(tools, params.name).call(params.arguments ?? {}, signal)),
    );
    const call = answer.finally(() => running.delete(call));
    running.add(call);
    return call;
  });
  return {
    server,
    idle: async () => {
      while (running.size > 0) await Promise.allSettled(running);
      // The answer is written by callbacks of its promise.
      await new Promise((resolve) => setImmediate(resolve));
    },
  };
}

function toolNamed(tools: readonly Tool[], name: string): Tool {
  const found = tools.find((one) => one.name === name);
  if (found !== undefined) return found;
  throw new UsageError(`There is no tool ${name}. The tools are: ${tools.map((one) => one.name).join(", ")}.`);
}

const listed = ({ name, title, description, input, output, annotations }: Tool) => ({
  name,
  title,
  description,
  inputSchema: { ...z.toJSONSchema(input, { target: "draft-7", io: "input" }), type: "object" as const },
  outputSchema: { ...z.toJSONSchema(output, { target: "draft-7", io: "output" }), type: "object" as const },
  annotations,
});

const result = (document: object): CallToolResult => ({
  content: [{ type: "text", text: JSON.stringify(document) }],
  structuredContent: JSON.parse(JSON.stringify(document)),
});
