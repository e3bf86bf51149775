import { z } from 'zod'
import { body, define, id, instant, line, named, pasted, RIGHTS } from './contract.ts'

/** Account commands need no gate: they must work while everything else is closed. */
const common = { area: 'accounts', right: 'admin', gates: [], refreshes: ['accounts', 'session'] } as const

const account = named(pasted.min(1).max(63).regex(/^[a-z][a-z0-9._-]*$/, 'begin with a letter, then a-z 0-9 . _ -'))
const right = z.enum(RIGHTS)
const password = z.string().min(12, 'at least 12 characters').max(1000).refine(text => text.isWellFormed(), 'has half a surrogate pair').describe('at least 12 characters')
/** What the server makes of a password: it never reaches the database. */
const hashed = { password_salt: z.string().regex(/^([0-9a-f]{2}){16,64}$/), password_verifier: z.string().regex(/^([0-9a-f]{2}){32}$/) }
const key = z.string().regex(/^([0-9a-f]{2}){16,128}$/)
const keys = ['password_salt', 'password_verifier', 'current_key']
const token = { label: line(200, 1), scopes: z.array(named(pasted.min(1).max(63).regex(/^([a-z0-9_]+|[*])$/, 'is no scope'))).min(1).max(100).describe('read, a command\'s code, or *'), expires_at: instant }

export const ACCOUNTS = [
  define({
    ...common, code: 'dot_iu_add_account', label: 'Add account', tier: 1, secrets: keys,
    description: 'Makes an account with a right and a first password.',
    input: z.strictObject({ account, display_name: line(200).optional(), right, password }),
    wire: z.strictObject({ account, display_name: line(200).optional(), right, ...hashed }),
  }),
  define({
    ...common, code: 'dot_iu_set_account_right', label: 'Set right', tier: 2,
    description: 'Gives an account another right, from its next request on.',
    input: z.strictObject({ account, right }),
  }),
  define({
    ...common, code: 'dot_iu_disable_account', label: 'Disable account', tier: 2,
    description: 'Its sessions end and its tokens are dead.',
    input: z.strictObject({ account }),
  }),
  define({
    ...common, code: 'dot_iu_enable_account', label: 'Enable account', tier: 2,
    description: 'The account may sign in again.',
    input: z.strictObject({ account }),
  }),
  define({
    ...common, code: 'dot_iu_set_password', label: 'Set password', tier: 1, right: 'reviewer', secrets: keys,
    description: 'One\'s own password, with the present one; anybody\'s, as an admin. All sessions of the account end, and its tokens are revoked.',
    input: z.strictObject({ account, current_password: body(1000).optional(), password }),
    wire: z.strictObject({ account, ...hashed, current_key: key.optional() }),
  }),
  define({
    ...common, code: 'dot_iu_issue_token', label: 'Issue token', tier: 1, right: 'reviewer', secrets: keys,
    description: 'An API token for your account, with your present password: shown once, scoped, expiring.',
    input: z.strictObject({ ...token, current_password: body(1000) }),
    wire: z.strictObject({ ...token, current_key: key }),
  }),
  define({
    ...common, code: 'dot_iu_revoke_token', label: 'Revoke token', tier: 1, right: 'reviewer',
    description: 'One\'s own token; anybody\'s, as an admin.',
    input: z.strictObject({ token: id }),
  }),
]
