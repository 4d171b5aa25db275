import { Command } from "commander";
import { VERSION } from "../version.ts";
import { below } from "./help-text.ts";
import type { Run } from "./requests.ts";

export const mcpCommand = (run: Run): Command =>
  new Command("mcp")
    .description("serve agents: a Model Context Protocol server on standard input and output")
    .addHelpText("after", below(ABOUT))
    .action(() =>
      run(async (session) => {
        // Only here: the other commands need not wait for it to load.
        const [{ mcpServer }, { StdioServerTransport }] = await Promise.all([
          import("../mcp/server.ts"),
          import("@modelcontextprotocol/sdk/server/stdio.js"),
        ]);
        const { server, idle } = mcpServer(session, VERSION);
        const { promise: closed, resolve } = Promise.withResolvers<void>();
        server.onclose = resolve;
        // Standard output carries messages of the protocol alone.
        server.onerror = ({ name, message }) =>
          session.terminal.err(name === "ZodError" ? "ignored: no message of JSON-RPC\n" : `ignored: ${message}\n`);
        process.stdin.once("end", () => void idle().then(() => server.close()));
        session.interrupted.addEventListener("abort", () => void server.close(), { once: true });
        await server.connect(new StdioServerTransport());
        await closed;
        return 0;
      }),
    );

const ABOUT = `Its tools are land, status, why, wait, cancel, list and queue, with your rights. An agent is told of it like this:

  { "mcpServers":
    { "submitqueue": { "command": "submitqueue", "args": ["mcp"] } } }`;
