import type { ClientBase, Pool } from 'pg'
import type { Right } from '../../../shared/commands/contract.ts'

/** Who holds a token. */
export interface Who {
  actor: string
  kind: 'session' | 'token'
  right: Right
  displayName: string
  expiresAt: Date
}

const CHECK = 'SELECT actor, actor_kind AS kind, account_right AS "right", display_name AS "displayName", expires_at AS "expiresAt" FROM iu_core.fn_iu_session_check($1, $2)'

/** Who holds the token. Raises IU012 when nobody does, IU013 when it lacks the scope. */
export async function checkSession(db: Pool | ClientBase, token: string | undefined, scope = 'read'): Promise<Who> {
  const { rows } = await db.query<Who>(CHECK, [token ?? null, scope])
  return rows[0]!
}

/** The salt of an account's password; a made-up one for an unknown name. */
export async function signInSalt(db: Pool | ClientBase, account: string): Promise<Buffer> {
  const { rows } = await db.query<{ salt: Buffer }>('SELECT iu_core.fn_iu_sign_in_salt($1) AS salt', [account])
  return rows[0]!.salt
}

export interface SignIn {
  status: 'signed_in' | 'refused' | 'throttled'
  token: string | null
  /** seconds */
  retryAfter: number | null
}

/** Signs in with the key of the password; `client` tells callers apart, for throttling. */
export async function signIn(db: Pool | ClientBase, account: string, key: Buffer, client: string): Promise<SignIn> {
  const { rows } = await db.query<SignIn>('SELECT status, token, retry_after AS "retryAfter" FROM iu_core.fn_iu_sign_in($1, $2, $3)', [account, key, client])
  return rows[0]!
}

export async function signOut(db: Pool | ClientBase, token: string): Promise<void> {
  await db.query('SELECT iu_core.fn_iu_sign_out($1)', [token])
}
