/** As much of picomatch as is used here. */
declare module "picomatch/posix.js" {
  export default function picomatch(
    globs: string | string[],
    options: { readonly dot?: boolean; readonly strictBrackets?: boolean },
  ): (path: string) => boolean;
}
