import manifest from "./package.json" with { type: "json" };

/** The version of the package. The build of the package puts it into the code. */
export const VERSION: string = manifest.version;
