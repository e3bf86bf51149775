import { isLoopbackHost } from '../../shared/loopback.ts'

/** What answers without a session; everything else is closed. */
const PUBLIC = new Set(['POST /api/session', 'GET /api/health/live', 'GET /sign-in'])
const COMMAND = /^\/api\/commands\/(?!contract$)([^/]+)$/

/** The methods that an address takes. */
function methodsOf(path: string): string[] {
  if (path === '/api/session') return ['GET', 'HEAD', 'POST', 'DELETE']
  return COMMAND.test(path) ? ['POST'] : ['GET', 'HEAD']
}

/** Every request comes through here: its host, its method, its origin, and who sends it. */
export default defineEventHandler(async (event) => {
  if (!isLoopbackHost(getRequestHeader(event, 'host'))) return sendProblem(event, new ProblemError('misdirected_request'))
  const { pathname, search } = getRequestURL(event)
  const methods = methodsOf(pathname)
  if (!methods.includes(event.method)) {
    setHeader(event, 'allow', methods.join(', '))
    return sendProblem(event, new ProblemError('method_not_allowed'))
  }
  // The router knows GET only. Node leaves out the body of the answer to a HEAD by itself.
  if (event.method === 'HEAD') event._method = 'GET'
  try {
    // A page of another site can send a request with the browser's cookie, but not the header of a token.
    if (event.method !== 'GET' && bearerOf(event) === undefined && !isSameOrigin(event)) throw new ProblemError('cross_origin')
    if (PUBLIC.has(`${event.method} ${pathname}`)) return
    // An API token is scoped to a command by its name, to all else by reading.
    await whoAsks(event, COMMAND.exec(pathname)?.[1])
  }
  catch (error) {
    // A page that cannot be shown for another reason says so itself, from what its reads answer.
    const isPage = !pathname.startsWith('/api/')
    if (!isPage) return sendProblem(event, error)
    if (!isUnauthenticated(error)) return
    return sendRedirect(event, `/sign-in${pathname === '/' && !search ? '' : `?next=${encodeURIComponent(pathname + search)}`}`)
  }
})
