/** Any other address under /api: a problem, not a page. */
export default defineEventHandler(event => sendProblem(event, new ProblemError('not_found')))
