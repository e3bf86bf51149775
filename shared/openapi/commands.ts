import type { z } from 'zod'
import { type Area, AREAS, type CommandContract } from '../commands/contract.ts'
import { COMMANDS } from '../commands/index.ts'
import { commandRequests } from '../commands/request.ts'
import type { ProblemCode } from '../problem.ts'
import { DIGEST, EXAMPLES } from './examples.ts'
import { ANY, BODY, refusals } from './problems.ts'
import { pascal, refTo, schemaOf } from './schemas.ts'
import type { Example, Operation, PathItem, Response, Schema } from './types.ts'

const EVERY: ProblemCode[] = [...ANY, ...BODY, 'not_found', 'stale_plan', 'key_conflict', 'nothing_to_do', 'not_reversible', 'drifted', 'database_busy']

/** What else can be refused in an area. What undoes a command is a command of the same area. */
const ALSO: Record<Area, ProblemCode[]> = {
  pieces: ['taken', 'lifecycle_refused'],
  collections: ['taken', 'lifecycle_refused', 'round_trip_failed'],
  delivery: ['reserved_event_type', 'unknown_event_type'],
  gates: ['second_person_required'],
  registry: ['reserved_event_type', 'unknown_event_type'],
  accounts: ['taken', 'lifecycle_refused', 'too_many_attempts'],
}

export const commandTag = (area: Area): string => `Commands: ${area}`

function areaRefusals(area: Area): Record<string, Response> {
  const isGated = COMMANDS.some(contract => contract.area === area && contract.gates.length > 0)
  return refusals([...EVERY, ...ALSO[area], ...(isGated ? ['gate_closed' satisfies ProblemCode] as const : [])])
}

/** `#/components/responses/<name>` of every refusal of every area. */
export const commandResponses = (): Record<string, Response> =>
  Object.fromEntries(AREAS.flatMap(area => Object.entries(areaRefusals(area)).map(([status, response]) => [`${pascal(area)}${status}`, response])))

const NOTES: Record<string, string> = {
  run: 'the run that is meant: an apply or an undo that succeeded',
  reason: 'why; the ledger keeps it',
  planDigest: 'the plan_digest of the plan that is applied; it holds for an hour, once',
  confirm: 'the name typed once more, where the command asks for it',
}

/** A body's schema, with words for the parts that every command has. */
function bodySchema(title: string, type: z.ZodObject): Schema {
  const { properties = {}, ...schema } = schemaOf(type, 'input')
  const noted = Object.entries(properties).map(([name, property]) => [name, NOTES[name] ? { ...property, description: NOTES[name] } : property])
  return { title, ...schema, properties: Object.fromEntries(noted) }
}

/** The bodies that are the same for every command. */
export function requestSchemas(): Record<string, Schema> {
  const { planUndo, undo, verify } = commandRequests(COMMANDS[0]!)
  return {
    PlanUndo: bodySchema('Plan an undo', planUndo),
    Undo: bodySchema('Undo a run', undo),
    Verify: bodySchema('Verify a run', verify),
  }
}

/** A plan and an apply that a client could send. */
export function examplesOf({ code, tier, reason, confirm }: CommandContract): Record<'plan' | 'apply', Example> {
  const params = EXAMPLES[code] ?? {}
  return {
    plan: { summary: 'What it would do', value: { mode: 'plan', params } },
    apply: {
      summary: tier > 1 ? 'Do it, as planned' : 'Do it',
      value: {
        mode: 'apply', params,
        ...(tier > 1 || reason ? { reason: 'as agreed on Monday' } : {}),
        ...(tier > 1 ? { planDigest: DIGEST } : {}),
        ...(confirm ? { confirm: params[confirm] } : {}),
      },
    },
  }
}

const FRICTION = {
  1: 'It may be applied at once; a plan is offered.',
  2: 'It is applied from a plan, with a reason.',
  3: 'It is applied from a plan, with a reason and the name typed once more; a gate that somebody closed is opened by a second person.',
}

function operation(contract: CommandContract): Operation {
  const { code, area, label, description, tier, right, gates } = contract
  const refused = Object.keys(areaRefusals(area)).map(status => [status, refTo('responses', `${pascal(area)}${status}`)])
  return {
    operationId: code,
    tags: [commandTag(area)],
    summary: label,
    description: `${description} ${tier === 1 && contract.reason ? 'It may be applied at once, with a reason; a plan is offered.' : FRICTION[tier]}`,
    parameters: [refTo('parameters', 'IdempotencyKey')],
    requestBody: {
      required: true,
      content: {
        'application/json': {
          schema: { oneOf: [bodySchema('Plan or apply', commandRequests(contract).command), ...['PlanUndo', 'Undo', 'Verify'].map(name => refTo('schemas', name))] },
          examples: examplesOf(contract),
        },
      },
    },
    responses: { 200: { description: 'The receipt', content: { 'application/json': { schema: refTo('schemas', 'Receipt') } } }, ...Object.fromEntries(refused) },
    'x-right': right,
    'x-tier': tier,
    'x-gates': gates,
  }
}

export const commandPaths = (): Record<string, PathItem> => Object.fromEntries(COMMANDS.map(contract => [`/api/commands/${contract.code}`, { post: operation(contract) }]))
