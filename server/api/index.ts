/** The bare folder: no address either. */
export default defineEventHandler(event => sendProblem(event, new ProblemError('not_found')))
