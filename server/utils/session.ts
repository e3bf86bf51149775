import type { H3Event } from 'h3'
import { checkSession, type Who } from '../db/functions/session.ts'
import { clientOf, trustedProxies } from './client.ts'

declare module '#auth-utils' {
  interface SecureSessionData { token: string }
}

const COOKIE = 'iu-session'

/** The API token in a request's header; any other header of that name is none. */
export const bearerOf = (event: H3Event): string | undefined => /^Bearer (\S{1,200})$/i.exec(getRequestHeader(event, 'authorization') ?? '')?.[1]

/** The token that a request carries: an API token in its header, or the session in the sealed cookie. */
export async function tokenOf(event: H3Event): Promise<string | undefined> {
  const bearer = bearerOf(event)
  if (bearer) return bearer
  // Asked only where there is a cookie: whoever has none is not given one.
  if (getCookie(event, COOKIE) === undefined) return undefined
  const session = await getUserSession(event)
  return session.secure?.token
}

let known: { setting: string, trusted: ReturnType<typeof trustedProxies> } | undefined

/** The client of a request, behind the proxies that NUXT_TRUSTED_PROXIES names. */
export function clientOfRequest(event: H3Event): string {
  const setting = String(useRuntimeConfig().trustedProxies)
  if (known?.setting !== setting) known = { setting, trusted: trustedProxies(setting) }
  return clientOf(event.node.req.socket.remoteAddress ?? '', getRequestHeader(event, 'x-forwarded-for'), known.trusted)
}

/** Whether an error says that nobody is signed in. */
export const isUnauthenticated = (error: unknown): boolean =>
  error instanceof ProblemError ? error.problem.code === 'unauthenticated' : (error as { code?: string }).code === 'IU012'

/** Who is asking, from the database, once a request. @throws IU012 when nobody is signed in, IU013 for a token without the scope. */
export async function whoAsks(event: H3Event, scope = 'read'): Promise<Who & { token: string }> {
  const context = event.context as { who?: Who & { token: string } }
  if (context.who) return context.who
  const token = await tokenOf(event)
  if (token === undefined) throw new ProblemError('unauthenticated', { hint: 'Sign in, or send an API token.' })
  return context.who = { ...await checkSession(consolePool(), token, scope), token }
}
