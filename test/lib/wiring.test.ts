import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { awsClients } from "../../functions/adapters/aws-clients.ts";
import type { Wire } from "../../functions/handlers/on-lambda.ts";
import { functionsOf, read, templatesOf } from "./synthesized.ts";

const templates = read(templatesOf({ target: "embedded" }));
const clients = awsClients({ LOG_LEVEL: "silent" });

describe("the environment that a template gives", () => {
  it.each(functionsOf(templates).map((fn) => [fn.name, fn] as const))("%s is all that it needs", async (_, fn) => {
    const { wire }: { wire: Wire } = await import(join(process.cwd(), fn.entry));
    const env = Object.fromEntries(
      Object.entries(fn.environment).map(([name, value]) => [name, templates.text(fn.stack, value, "?")]),
    );
    expect(wire(env, clients)).toBeTypeOf("function");
  });
});
