import { execFileSync } from "node:child_process";
import { existsSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, it } from "vitest";

const ROOT = join(import.meta.dirname, "..", "..", "..");
const dockerfile = readFileSync(join(ROOT, "lib/runway-image/Dockerfile"), "utf8");
const ENTRIES = ["runway/inspect", "runway/check", "runway/compose", "runway/land"];

it("the image's own command bundles the four functions that run git, each as a module with a handler", async () => {
  const [command = ""] = /npx esbuild[\s\S]*?--outdir=\S+/.exec(dockerfile) ?? [];
  const out = mkdtempSync(join(tmpdir(), "runway-image-"));
  try {
    const local = command.replace(/--outdir=\S+/, `--outdir=${out}`);
    execFileSync("sh", ["-c", local], { cwd: ROOT, stdio: "pipe" });
    for (const entry of ENTRIES) {
      const { handler } = await import(join(out, `functions/handlers/${entry}.mjs`));
      await expect(handler({}, {})).rejects.toMatchObject({ code: "config.invalid" });
    }
  } finally {
    rmSync(out, { recursive: true, force: true });
  }
});

it("the image copies nothing that the build context does not hold", () => {
  const copied = [...dockerfile.matchAll(/^COPY (?!--from)(.*) \S+$/gm)].flatMap(([, sources = ""]) =>
    sources.split(" "),
  );
  const own = copied.filter((source) => !source.startsWith("$"));
  expect(own.length).toBeGreaterThan(3);
  for (const source of own) expect(existsSync(join(ROOT, source)), source).toBe(true);
});
