import { z } from 'zod'
import { define, gate, instant } from './contract.ts'

const common = { area: 'gates', gates: [] } as const
const refreshes = ['gates', 'overview', 'shell', 'session', 'accounting'] as const

export const GATES = [
  define({
    ...common, refreshes, code: 'dot_iu_close_gate', label: 'Close gate', tier: 1, right: 'operator', reason: true,
    description: 'Closes a gate at once; it never waits behind a running command.',
    input: z.strictObject({ gate }),
  }),
  define({
    ...common, refreshes, code: 'dot_iu_open_gate', label: 'Open gate', tier: 3, right: 'approver', confirm: 'gate',
    description: 'Opens a gate, until a time where one is given. Who closed it does not open it.',
    input: z.strictObject({ gate, expires_at: instant.optional().describe('the database closes it then') }),
  }),
  define({
    ...common, refreshes, code: 'dot_iu_disable_triggers', label: 'Disable triggers', tier: 2, right: 'approver',
    description: 'L3: the unit family is not emitted any more, and those events are lost for good.',
    input: z.strictObject({}),
  }),
  define({
    ...common, refreshes, code: 'dot_iu_enable_triggers', label: 'Enable triggers', tier: 2, right: 'operator',
    description: 'The unit family is emitted again.',
    input: z.strictObject({}),
  }),
]
