import { readFileSync } from 'node:fs'
import { defineCommand } from 'citty'
import { runOrThrow } from '../../commands/carry.ts'
import { toWire } from '../../commands/wire.ts'
import { cut } from '../../import/cut.ts'
import { COMMANDS, findCommand } from '../../../shared/commands/index.ts'
import { commandRequests } from '../../../shared/commands/request.ts'
import { parseExactly } from '../../../shared/exact-json.ts'
import { TOKEN, withCommands } from '../database.ts'
import { written } from '../output.ts'
import { tell } from '../receipt.ts'
import { EXIT, Refusal, say, sayJson, table } from '../report.ts'

/** The parameters from JSON text, a file (`@path`) or standard input (`-`). */
function readParams(given: string): unknown {
  const text = given === '-' ? readFileSync(0, 'utf8') : given.startsWith('@') ? readFileSync(given.slice(1), 'utf8') : given
  try {
    return parseExactly(text)
  }
  catch (error) {
    throw new Refusal(`--params: ${(error as Error).message}`, EXIT.usage)
  }
}

export default defineCommand({
  meta: { name: 'command', description: 'plan, apply or undo a governed command (without a name: list them)' },
  args: {
    name: { type: 'positional', required: false, description: 'as in dot_iu_reorder_piece; the prefix may be left out' },
    plan: { type: 'boolean', description: 'what an apply would do; with --undo, what the undoing would' },
    apply: { type: 'boolean', description: 'do it, and verify it' },
    undo: { type: 'string', description: 'roll back this run' },
    verify: { type: 'string', description: 'check this run\'s postconditions once more' },
    params: { type: 'string', description: 'JSON, @file, or - for standard input' },
    reason: { type: 'string', description: 'why' },
    'plan-digest': { type: 'string', description: 'of the plan that is applied' },
    confirm: { type: 'string', description: 'the name, typed once more' },
    key: { type: 'string', description: 'idempotency key: a repeat is told what the first was told' },
    json: { type: 'boolean', description: 'the receipt as one JSON document' },
  },
  async run({ args }) {
    if (!args.name) {
      if (args.json) return sayJson({ commands: COMMANDS.map(({ code, area, tier, right, description }) => ({ code, area, tier, right, description })) })
      return say(table(['COMMAND', 'TIER', 'RIGHT', 'WHAT'], COMMANDS.map(({ code, tier, right, description }) => [code, `T${tier}`, right, description])))
    }
    const contract = findCommand(args.name) ?? findCommand(`dot_iu_${args.name}`)
    if (!contract) throw new Refusal(`there is no command ${args.name}; iu command lists them`, EXIT.usage)
    const asked = [args.apply && 'apply', args.undo !== undefined && 'undo', args.verify !== undefined && 'verify'].filter(Boolean)
    if (asked.length > 1 || (asked.length === 0 && !args.plan) || (args.plan && asked.some(mode => mode !== 'undo'))) throw new Refusal('say one of --plan, --apply, --undo RUN, --verify RUN', EXIT.usage)
    const target = args.undo ?? args.verify
    const run = target === undefined ? undefined : Number(target)
    if (run !== undefined && !(Number.isInteger(run) && run > 0)) throw new Refusal(`"${target}" is not a run's number`, EXIT.usage)
    const common = { command: contract.code, run, reason: args.reason, planDigest: args['plan-digest'], confirm: args.confirm, idempotencyKey: args.key, token: TOKEN }

    await withCommands(async (client) => {
      let params: Record<string, unknown> | undefined
      if (run === undefined) {
        const parsed = commandRequests(contract).command.shape.params.safeParse(readParams(args.params ?? '{}'))
        if (!parsed.success) throw new Refusal(parsed.error.issues.map(issue => issue.code === 'unrecognized_keys' ? `params: ${issue.keys.join(', ')} not known here` : `params.${issue.path.join('.')}: ${issue.message}`).join('\n'))
        params = await toWire(contract, parsed.data, client, async content => (await cut(content)).pieces)
      }
      const mode = args.plan ? 'plan' : args.verify !== undefined ? 'verify' : args.undo !== undefined ? 'rollback' : 'apply'
      const receipt = await runOrThrow(client, { ...common, mode, params })
      const verified = receipt.status === 'succeeded' ? await runOrThrow(client, { command: receipt.command, mode: 'verify', run: receipt.run, token: TOKEN }) : undefined
      const told = args.json
        ? JSON.stringify(verified ? { ...receipt, verified: verified.status === 'verified', results: verified.results } : receipt, null, 2)
        : tell(receipt, verified?.results)
      // What is told once and kept nowhere must not be lost without a word.
      if (await written(told) && receipt.secret) throw new Refusal(`run ${receipt.run} was carried out, but what it tells once (${Object.keys(receipt.secret).join(', ')}) could not be written, and nobody knows it: take it back with iu command ${receipt.command} --undo ${receipt.run}, or revoke it, and ask anew`, EXIT.failed)
      if ((verified ?? receipt).status === 'unverified') process.exitCode = EXIT.partly
    })
  },
})
