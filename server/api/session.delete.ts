import { signOut } from '~~/server/db/functions/session.ts'

/** Signs out: ends the session in the database and takes the cookie away. */
export default defineEventHandler(async (event) => {
  try {
    const { token } = await whoAsks(event)
    await signOut(consolePool(), token)
    await clearUserSession(event)
    setHeader(event, 'cache-control', 'no-store')
    return { status: 'signed_out' }
  }
  catch (error) {
    return sendProblem(event, error)
  }
})
