import { createHash } from "node:crypto";
import { describe, expect, it } from "vitest";
import { docs } from "../../../functions/handlers/gateway/calls/reference.ts";
import document from "../../../functions/handlers/gateway/openapi.json" with { type: "json" };
import { referencePage } from "../../../functions/handlers/gateway/reference-page.ts";
import { operationsIn } from "../../support/api-document.ts";

const page = referencePage(document);

describe("the reference page", () => {
  it("has a part for each operation and each schema, and no link that leads nowhere", () => {
    const ids = new Set([...page.matchAll(/ id="([^"]+)"/g)].map(([, id]) => id));
    for (const { operation } of operationsIn(document)) expect(ids).toContain(operation.operationId);
    for (const name of Object.keys(document.components.schemas)) expect(ids).toContain(`schema-${name}`);
    const links = [...page.matchAll(/href="#([^"]+)"/g)].map(([, id]) => id ?? "");
    expect(links.length).toBeGreaterThan(50);
    expect(links.filter((id) => !ids.has(id))).toEqual([]);
  });

  it("runs no script and loads nothing, and its policy allows its own style alone", async () => {
    expect(page).not.toMatch(/<script|<link|<img|<iframe|@import|url\(|\son\w+=|\sstyle=/i);
    const [, style = ""] = /<style>([\s\S]*)<\/style>/.exec(page) ?? [];
    const { headers } = await docs().answer({} as Parameters<ReturnType<typeof docs>["answer"]>[0]);
    const hash = createHash("sha256").update(style).digest("base64");
    expect(headers?.["content-security-policy"]).toContain(`default-src 'none'; style-src 'sha256-${hash}'`);
  });

  it("shows text of the document as text", () => {
    const hostile = { ...document, info: { ...document.info, title: '<script>"&', description: "a `<b>` c" } };
    expect(referencePage(hostile)).toContain("<h1>&lt;script&gt;&quot;&amp; API");
    expect(referencePage(hostile)).toContain("<p>a <code>&lt;b&gt;</code> c</p>");
  });
});
