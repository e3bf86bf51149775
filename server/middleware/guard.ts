/**
 * This version has no accounts: whoever reaches the server may read. So it answers only under loopback
 * names (a page elsewhere cannot reach it through a name of its own), and it only reads.
 */
export default defineEventHandler((event) => {
  if (!isLoopbackHost(getRequestHeader(event, 'host'))) return sendProblem(event, new ProblemError('misdirected_request'))
  if (event.method !== 'GET' && event.method !== 'HEAD') {
    setHeader(event, 'allow', 'GET, HEAD')
    return sendProblem(event, new ProblemError('method_not_allowed'))
  }
})
