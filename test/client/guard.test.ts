import { expect, it } from "vitest";
import { Guard } from "../../client/ui/guard.ts";

it.each([80, 4_000])("the guard of the page on port %i lets in the browser that opens its address", (port) => {
  const guard = new Guard(`127.0.0.1:${port}`);
  // A browser leaves port 80 out of Host and Origin.
  const { host, origin, search } = new URL(guard.addressOf("/q/main"));
  expect(guard.rule(`/q/main${search}`, { host, origin })).toMatchObject({ kind: "key", to: "/q/main" });
  expect(guard.rule(`/q/main${search}`, { host: "localhost" })).toMatchObject({ kind: "refused" });
});
