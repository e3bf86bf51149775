/**
 * Where to go after signing in: a path of this site, or its start. A browser reads `//host` and `/\host` as
 * another site, and leaves out tabs and line ends before it reads.
 */
export function safePath(next: unknown): string {
  // eslint-disable-next-line no-control-regex
  if (typeof next !== 'string' || !/^\/(?![/\\])[^\u0000-\u001f\u007f]*$/.test(next) || /^\/sign-in(?:[?#/]|$)/.test(next)) return '/'
  return next
}
