/** `npm pack` in client/ runs this: writes what the package holds to client/dist. Node.js strips no types below node_modules. */
import { execFileSync } from "node:child_process";
import { rmSync } from "node:fs";
import { join } from "node:path";
import { build } from "esbuild";

const root = join(import.meta.dirname, "..");
const client = join(root, "client");
const outdir = join(client, "dist");
rmSync(outdir, { recursive: true, force: true });
await build({
  entryPoints: ["index", "sign", "credentials", "submitqueue"].map((name) => join(client, `${name}.ts`)),
  outdir,
  bundle: true,
  // The dependencies of client/package.json stay what they are.
  packages: "external",
  splitting: true,
  format: "esm",
  platform: "node",
  target: "node22",
  logLevel: "warning",
});
const compiler = join(root, "node_modules", "@typescript", "native", "bin", "tsc");
execFileSync(process.execPath, [compiler, "-p", join(client, "tsconfig.build.json")], { stdio: "inherit" });
