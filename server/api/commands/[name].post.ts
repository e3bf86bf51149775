import { cut } from '~~/server/import/cut.ts'
import { toWire } from '~~/server/commands/wire.ts'
import { runCommand } from '~~/server/db/functions/command.ts'
import { findCommand } from '~~/shared/commands/index.ts'
import { type CommandRequest, commandRequest } from '~~/shared/commands/request.ts'

/** A text that is larger is imported by `iu import`. */
const MOST_BYTES = 4_000_000

/** The only way in which the console changes anything: one command, one call of the dispatcher. */
export default defineEventHandler(async (event) => {
  try {
    const contract = findCommand(getRouterParam(event, 'name') ?? '')
    if (!contract) throw new ProblemError('not_found', { detail: 'There is no such command.' })
    const body = await readJson(event, MOST_BYTES)
    const { params, ...request } = checkInput(commandRequest(contract, body), body) as CommandRequest
    const receipt = await runCommand(consolePool(), {
      ...request,
      command: contract.code,
      params: params && await toWire(contract, params, consolePool(), async content => (await cut(content)).pieces, (await whoAsks(event, contract.code)).actor),
      token: await tokenOf(event) ?? '',
      idempotencyKey: getRequestHeader(event, 'idempotency-key'),
    })
    setHeader(event, 'cache-control', 'no-store')
    return receipt.code ? sendProblem(event, refusalOf(receipt)) : receipt
  }
  catch (error) {
    return sendProblem(event, error)
  }
})
