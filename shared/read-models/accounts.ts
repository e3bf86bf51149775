import { z } from 'zod'
import { RIGHTS } from '../commands/contract.ts'
import { answer, count, time } from './page.ts'

export const accountsQuery = z.strictObject({})

export const tokenRow = z.object({
  tokenId: count, account: z.string(), label: z.string(), scopes: z.array(z.string()), createdAt: time, expiresAt: time,
  lastUsedAt: time.nullable(), revokedAt: time.nullable(), revokedBy: z.string().nullable(), status: z.enum(['live', 'expired', 'revoked', 'account_disabled']),
})
export type TokenRow = z.output<typeof tokenRow>

export const accountRow = z.object({
  account: z.string(), displayName: z.string(), right: z.enum(RIGHTS), status: z.enum(['active', 'disabled']), createdAt: time, createdBy: z.string(),
  passwordChangedAt: time, lastSignInAt: time.nullable(), lastUsedAt: time.nullable(), liveSessions: count, liveTokens: count,
})
export type AccountRow = z.output<typeof accountRow>

/** Every account and token for an admin; for all others their own. */
export const accountsAnswer = z.object({ ...answer, mayManage: z.boolean(), accounts: z.array(accountRow), tokens: z.array(tokenRow) })
export type Accounts = z.output<typeof accountsAnswer>
