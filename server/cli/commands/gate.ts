import { defineCommand } from 'citty'
import { listGates, setGate } from '../../db/functions/gate.ts'
import { withDatabase } from '../database.ts'
import { say, sayJson, table } from '../report.ts'

const json = { json: { type: 'boolean', description: 'one JSON document' } } as const

const set = (name: 'open' | 'close', description: string) => defineCommand({
  meta: { name, description },
  args: {
    gate: { type: 'positional', required: true, description: 'its name, as iu gate list has it' },
    reason: { type: 'string', required: true, description: 'why' },
    ...json,
  },
  run: ({ args }) => withDatabase(async (client) => {
    const state = await setGate(client, args.gate, name === 'open', args.reason)
    if (args.json) sayJson({ gate: args.gate, state })
    else say(`${args.gate} is ${state}`)
  }),
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
    open: set('open', 'open a gate, with a reason'),
    close: set('close', 'close a gate, with a reason'),
  },
})
