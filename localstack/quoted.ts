/** A path as a shell takes it. Example: `/home/ada/My Code` becomes `'/home/ada/My Code'`. */
export const quoted = (path: string): string =>
  /^[\w@%+=:,./-]+$/.test(path) ? path : `'${path.replaceAll("'", "'\\''")}'`;
