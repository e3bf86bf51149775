import { defineCommand } from 'citty'
import type { ClientBase } from 'pg'
import { carry } from '../../commands/carry.ts'
import { makePassword } from '../../commands/first-admin.ts'
import { toWire } from '../../commands/wire.ts'
import { findCommand } from '../../../shared/commands/index.ts'
import type { Receipt } from '../../../shared/commands/receipt.ts'
import { TOKEN, withCommands, withDatabase } from '../database.ts'
import { handOver, passwordFromInput } from '../password.ts'
import { Refusal, say, sayJson, table } from '../report.ts'

const json = { json: { type: 'boolean', description: 'one JSON document' } } as const
const account = { account: { type: 'positional', required: true, description: 'its name' } } as const
const reason = { reason: { type: 'string', required: true, description: 'why' } } as const
const given = { 'password-stdin': { type: 'boolean', description: 'the password is the first line of standard input; without it one is made' } } as const

/** Checks the input as the console does; what it returns carries the command out. */
async function prepare(client: ClientBase, code: string, input: Record<string, unknown>, why?: string): Promise<() => Promise<Receipt>> {
  const contract = findCommand(code)!
  const parsed = contract.input.safeParse(input)
  if (!parsed.success) throw new Refusal(parsed.error.issues.map(issue => `${issue.path.join('.')}: ${issue.message}`).join('\n'))
  const wire = await toWire(contract, parsed.data, client, async () => [])
  return async () => (await carry(client, code, wire, { reason: why, token: TOKEN })).receipt
}
const act = async (...asked: Parameters<typeof prepare>): Promise<Receipt> => (await prepare(...asked))()

/** A command that sets a password, from standard input or made here. */
const withPassword = (code: string, fromInput: boolean | undefined, input: { account: string }, asJson: boolean | undefined) => withCommands(async (client) => {
  const password = fromInput ? passwordFromInput() : makePassword()
  const commit = await prepare(client, code, { ...input, password })
  const receipt = await (fromInput ? commit() : handOver(input.account, password, commit))
  if (asJson) sayJson(receipt)
  else say(`${input.account}: done (run ${receipt.run})`)
})

const simple = (name: string, code: string, description: string) => defineCommand({
  meta: { name, description },
  args: { ...account, ...reason, ...json },
  run: ({ args }) => withCommands(async (client) => {
    const receipt = await act(client, code, { account: args.account }, args.reason)
    if (args.json) sayJson(receipt)
    else say(`${args.account}: done (run ${receipt.run})`)
  }),
})

interface Account { account: string, account_right: string, status: string, last_sign_in_at: Date | null, live_sessions: number, live_tokens: number }

export default defineCommand({
  meta: { name: 'account', description: 'who may sign in to the console' },
  subCommands: {
    list: defineCommand({
      meta: { name: 'list', description: 'every account' },
      args: json,
      run: ({ args }) => withDatabase(async (client) => {
        const { rows } = await client.query<Account>('SELECT account, account_right, status, last_sign_in_at, live_sessions, live_tokens FROM iu_core.v_iu_account ORDER BY account')
        if (args.json) return sayJson({ accounts: rows })
        say(table(['ACCOUNT', 'RIGHT', 'STATUS', 'LAST SIGN-IN', 'SESSIONS', 'TOKENS'], rows.map(row => [row.account, row.account_right, row.status, row.last_sign_in_at?.toISOString() ?? 'never', String(row.live_sessions), String(row.live_tokens)])))
      }),
    }),
    add: defineCommand({
      meta: { name: 'add', description: 'make an account' },
      args: { ...account, right: { type: 'string', required: true, description: 'reviewer, operator, approver or admin' }, name: { type: 'string', description: 'as people know them' }, ...given, ...json },
      run: ({ args }) => withPassword('dot_iu_add_account', args['password-stdin'], { account: args.account, right: args.right, ...(args.name ? { display_name: args.name } : {}) } as { account: string }, args.json),
    }),
    passwd: defineCommand({
      meta: { name: 'passwd', description: 'set an account\'s password; its sessions end, its tokens are revoked' },
      args: { ...account, ...given, ...json },
      run: ({ args }) => withPassword('dot_iu_set_password', args['password-stdin'], { account: args.account }, args.json),
    }),
    right: defineCommand({
      meta: { name: 'right', description: 'give an account another right' },
      args: { ...account, right: { type: 'string', required: true, description: 'reviewer, operator, approver or admin' }, ...reason, ...json },
      run: ({ args }) => withDatabase(async (client) => {
        const receipt = await act(client, 'dot_iu_set_account_right', { account: args.account, right: args.right }, args.reason)
        if (args.json) sayJson(receipt)
        else say(`${args.account}: ${args.right} (run ${receipt.run})`)
      }),
    }),
    disable: simple('disable', 'dot_iu_disable_account', 'its sessions end, its tokens are dead'),
    enable: simple('enable', 'dot_iu_enable_account', 'it may sign in again'),
  },
})
