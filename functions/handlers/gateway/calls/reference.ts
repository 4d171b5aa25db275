import { createHash } from "node:crypto";
import type { Route } from "../../http.ts";
import document from "../openapi.json" with { type: "json" };
import { referencePage, STYLE } from "../reference-page.ts";

/** The API document. No calls to AWS. */
export const apiDocument = (): Route => ({
  method: "GET",
  path: "/v1/openapi.json",
  answer: async () => ({ status: 200, body: document }),
});

/** The API document as a page without scripts, which loads nothing. No calls to AWS. */
export const docs = (): Route => ({
  method: "GET",
  path: "/docs",
  answer: async () => ({ status: 200, body: referencePage(document), headers: PAGE_HEADERS }),
});

const PAGE_HEADERS = {
  "content-type": "text/html; charset=utf-8",
  "content-security-policy": [
    "default-src 'none'",
    `style-src 'sha256-${createHash("sha256").update(STYLE).digest("base64")}'`,
    "base-uri 'none'",
    "form-action 'none'",
    "frame-ancestors 'none'",
  ].join("; "),
  "x-content-type-options": "nosniff",
  "referrer-policy": "no-referrer",
};
