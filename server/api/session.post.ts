import { passwordKey } from '~~/server/commands/password.ts'
import { signIn, signInSalt } from '~~/server/db/functions/session.ts'
import { credentials } from '~~/shared/openapi.ts'

/** Signs in. One answer for whatever is wrong; the session's token goes into a sealed cookie. */
export default defineEventHandler(async (event) => {
  try {
    const { account, password } = checkInput(credentials, await readJson(event, 10_000))
    const key = await passwordKey(password, await signInSalt(consolePool(), account))
    const answer = await signIn(consolePool(), account, key, clientOfRequest(event))
    if (answer.status === 'throttled') {
      setHeader(event, 'retry-after', answer.retryAfter ?? 1)
      throw new ProblemError('too_many_attempts', { detail: `Try again in ${answer.retryAfter} s.` })
    }
    if (answer.status !== 'signed_in') throw new ProblemError('sign_in_refused')
    await replaceUserSession(event, { secure: { token: answer.token! } })
    setHeader(event, 'cache-control', 'no-store')
    return { status: 'signed_in' }
  }
  catch (error) {
    return sendProblem(event, error)
  }
})
