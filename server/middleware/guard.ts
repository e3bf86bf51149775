/** What answers without a session; everything else is closed. */
const PUBLIC = new Set(['POST /api/session', 'GET /api/health/live', 'GET /sign-in'])
/** What may be asked for by another method than GET. */
const WRITES = /^(?:POST|DELETE) \/api\/session$|^POST \/api\/commands\/[^/]+$/

/** What an API token must be scoped to: a command by its name, all else by reading. */
const scopeOf = (asked: string): string => /^POST \/api\/commands\/([^/]+)$/.exec(asked)?.[1] ?? 'read'

/** Every request comes through here: its host, its method, its origin, and who sends it. */
export default defineEventHandler(async (event) => {
  if (!isLoopbackHost(getRequestHeader(event, 'host'))) return sendProblem(event, new ProblemError('misdirected_request'))
  // The router knows GET only. Node leaves out the body of the answer to a HEAD by itself.
  if (event.method === 'HEAD') event._method = 'GET'
  const { pathname, search } = getRequestURL(event)
  const asked = `${event.method} ${pathname}`
  if (event.method !== 'GET' && !WRITES.test(asked)) {
    setHeader(event, 'allow', 'GET, HEAD')
    return sendProblem(event, new ProblemError('method_not_allowed'))
  }
  try {
    // A page of another site can send a request with the browser's cookie, but not the header of a token.
    if (event.method !== 'GET' && getRequestHeader(event, 'authorization') === undefined && !isSameOrigin(event)) throw new ProblemError('cross_origin')
    if (PUBLIC.has(asked)) return
    await whoAsks(event, scopeOf(asked))
  }
  catch (error) {
    // A page that cannot be shown for another reason says so itself, from what its reads answer.
    const isPage = !pathname.startsWith('/api/')
    if (!isPage) return sendProblem(event, error)
    if (!isUnauthenticated(error)) return
    return sendRedirect(event, `/sign-in${pathname === '/' && !search ? '' : `?next=${encodeURIComponent(pathname + search)}`}`)
  }
})
