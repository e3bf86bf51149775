import { defineCommand } from 'citty'
import { carry } from '../../commands/carry.ts'
import { listGates } from '../../db/functions/gate.ts'
import { TOKEN, withCommands, withDatabase } from '../database.ts'
import { instant } from '../../../shared/commands/contract.ts'
import { EXIT, Refusal, say, sayJson, table } from '../report.ts'

const json = { json: { type: 'boolean', description: 'one JSON document' } } as const
const args = {
  gate: { type: 'positional', required: true, description: 'its name, as iu gate list has it' },
  reason: { type: 'string', required: true, description: 'why' },
  ...json,
} as const

/** Through the dispatcher, from plan to verification. To name the gate is to type its name. */
const set = (command: 'dot_iu_open_gate' | 'dot_iu_close_gate', gate: string, reason: string, asJson: boolean | undefined, expires?: string) => withCommands(async (client) => {
  const { receipt } = await carry(client, command, { gate, ...(expires ? { expires_at: expires } : {}) }, { reason, confirm: gate, token: TOKEN })
  if (asJson) sayJson(receipt)
  else say([`${gate} is ${String(receipt.result!.gate_state)} (run ${receipt.run})`, ...receipt.notes!].join('\n'))
})

export default defineCommand({
  meta: { name: 'gate', description: 'list the gates, open one, close one' },
  subCommands: {
    list: defineCommand({
      meta: { name: 'list', description: 'every gate with its state, who set it and why' },
      args: json,
      run: ({ args }) => withDatabase(async (client) => {
        const gates = await listGates(client)
        if (args.json) sayJson({ gates })
        else say(table(['GATE', 'STATE', 'SINCE', 'BY', 'REASON'], gates.map(gate => [gate.gate, gate.state, gate.changed_at?.toISOString() ?? '', gate.changed_by ?? '', gate.reason ?? ''])))
      }),
    }),
    open: defineCommand({
      meta: { name: 'open', description: 'open a gate, with a reason' },
      args: { ...args, until: { type: 'string', description: 'the database closes it then, as 2030-01-31T12:00:00Z' } },
      run: ({ args }) => {
        const until = instant.optional().safeParse(args.until)
        if (!until.success) throw new Refusal(`--until: "${args.until}" is no time: write it as 2030-01-31T12:00:00Z`, EXIT.usage)
        return set('dot_iu_open_gate', args.gate, args.reason, args.json, until.data)
      },
    }),
    close: defineCommand({
      meta: { name: 'close', description: 'close a gate, with a reason' },
      args,
      run: ({ args }) => set('dot_iu_close_gate', args.gate, args.reason, args.json),
    }),
  },
})
