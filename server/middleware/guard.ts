/**
 * This version has no accounts: whoever reaches the server may read. So it answers only under loopback
 * names (a page elsewhere cannot reach it through a name of its own), and it only reads.
 */
export default defineEventHandler((event) => {
  if (!isLoopbackHost(getRequestHeader(event, 'host'))) return sendProblem(event, new ProblemError('misdirected_request'))
  // The router knows GET only. Node leaves out the body of the answer to a HEAD by itself.
  if (event.method === 'HEAD') event._method = 'GET'
  if (event.method !== 'GET') {
    setHeader(event, 'allow', 'GET, HEAD')
    return sendProblem(event, new ProblemError('method_not_allowed'))
  }
})
