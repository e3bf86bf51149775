import { z } from 'zod'
import { AREAS, body } from './commands/contract.ts'
import { receiptSchema } from './commands/receipt.ts'
import { commandPaths, commandResponses, commandTag, requestSchemas } from './openapi/commands.ts'
import { ANY, BODY, problemSchema, refusals } from './openapi/problems.ts'
import { parametersOf, readPaths, readRefusals, readSchemas } from './openapi/reads.ts'
import { refTo, schemaOf } from './openapi/schemas.ts'
import type { Document, Operation, PathItem, Response, Schema } from './openapi/types.ts'
import type { ProblemCode } from './problem.ts'
import { collectionQuery } from './read-models/collection.ts'
import { trimmedId } from './visible.ts'

/** The body of `POST /api/session`. */
export const credentials = z.strictObject({ account: body(200).overwrite(trimmedId).min(1), password: body(1000).min(1) })
const said = <const Word extends string>(...words: [Word, ...Word[]]) => z.object({ status: z.enum(words) })
/** The answers that are no read models, by route. */
export const SMALL_ANSWERS = { signIn: said('signed_in'), signOut: said('signed_out'), getHealthLive: said('live'), getHealthReady: said('ready').extend({ asOf: z.iso.datetime() }) }

const DESCRIPTION = `Reads are \`GET\`, and each answers with the database's clock (\`asOf\`). Every change is a command: \`POST /api/commands/NAME\`, planned, applied, verified and undone.

Whatever is refused is answered with RFC 9457 problem details (\`application/problem+json\`) that have a stable \`code\`. \`HEAD\` is answered as \`GET\` without a body, any other method than those listed with 405 (\`method_not_allowed\`), any other address with 404 (\`not_found\`), and a host that is no loopback name with 421 (\`misdirected_request\`).`

const TAGS = [
  { name: 'Session', description: 'Signing in and out, and who one is' },
  { name: 'Overview', description: 'Is every event accounted for, and is anything in the way' },
  { name: 'Collections', description: 'Collections and their pieces, checkpoints and bytes' },
  { name: 'Delivery', description: 'Attempts and dead letters' },
  { name: 'Operation', description: 'Gates, commands, the ledger and accounts' },
  ...AREAS.map(area => ({ name: commandTag(area), description: `What changes ${area === 'delivery' ? 'what is delivered' : area}` })),
  { name: 'Service', description: 'Whether the server answers, and this document' },
]

const json = (description: string, schema: Schema): Response => ({ description, content: { 'application/json': { schema } } })
const readRefs = (finds?: true) => Object.fromEntries(Object.keys(readRefusals(finds)).map(status => [status, refTo('responses', `Read${status}`)]))
const open = ANY.filter(code => code !== 'unauthenticated' && code !== 'forbidden')

function sessionPath(): PathItem {
  const signIn: Operation = {
    operationId: 'signIn', tags: ['Session'], summary: 'Sign in', security: [],
    description: 'The session comes as the cookie `iu-session`, which no script can read. A request with the cookie that changes something needs the header `Origin` of this server; browsers send it.',
    requestBody: { required: true, content: { 'application/json': { schema: schemaOf(credentials, 'input'), examples: { signIn: { summary: 'Sign in', value: { account: 'ada', password: 'at least twelve characters' } } } } } },
    responses: { 200: { ...json('Signed in', schemaOf(SMALL_ANSWERS.signIn)), headers: { 'set-cookie': { description: 'iu-session; HttpOnly; SameSite=Strict', schema: { type: 'string' } } } }, ...refusals([...open, ...BODY, 'sign_in_refused', 'too_many_attempts']) },
  }
  const signOut: Operation = {
    operationId: 'signOut', tags: ['Session'], summary: 'Sign out', description: 'Ends the session in the database, and takes the cookie away.',
    responses: { 200: json('Signed out', schemaOf(SMALL_ANSWERS.signOut)), ...refusals([...ANY, 'cross_origin']) },
  }
  return { post: signIn, delete: signOut }
}

function otherPaths(): Record<string, PathItem> {
  const live: Operation = {
    operationId: 'getHealthLive', tags: ['Service'], summary: 'The process answers', description: 'The database is not asked.', security: [],
    responses: { 200: json('It answers', schemaOf(SMALL_ANSWERS.getHealthLive)), ...refusals(['misdirected_request'] satisfies ProblemCode[]) },
  }
  const ready: Operation = {
    operationId: 'getHealthReady', tags: ['Service'], summary: 'The database answers, and has the views that the pages need', parameters: [], 'x-right': 'reviewer',
    responses: { 200: json('It is ready', schemaOf(SMALL_ANSWERS.getHealthReady)), ...readRefs() },
  }
  const openapi: Operation = {
    operationId: 'getOpenapi', tags: ['Service'], summary: 'This document', parameters: [], 'x-right': 'reviewer',
    responses: { 200: json('OpenAPI 3.1', { type: 'object', required: ['openapi', 'info', 'paths'] }), ...readRefs() },
  }
  const render: Operation = {
    operationId: 'renderCollection', tags: ['Collections'], summary: 'The exact bytes of a collection', 'x-right': 'reviewer',
    description: 'Streamed from one snapshot, as a download. Where it breaks off the bytes are not all.',
    parameters: parametersOf({ query: collectionQuery }),
    responses: {
      200: { description: 'The bytes', headers: { 'content-disposition': { description: 'the name of the file', schema: { type: 'string' } } }, content: { 'text/markdown; charset=utf-8': { schema: { type: 'string' } } } },
      ...readRefs(true),
    },
  }
  return { '/api/collections/render': { get: render }, '/api/health/live': { get: live }, '/api/health/ready': { get: ready }, '/api/openapi': { get: openapi } }
}

function build(): Omit<Document, 'servers'> {
  const reads = readPaths()
  return {
    openapi: '3.1.1',
    info: { title: 'IU Core', version: '1', description: DESCRIPTION },
    security: [{ session: [] }, { token: [] }],
    tags: TAGS,
    paths: { ...reads, '/api/session': { ...reads['/api/session'], ...sessionPath() }, ...otherPaths(), ...commandPaths() },
    components: {
      schemas: { Problem: schemaOf(problemSchema), Receipt: schemaOf(receiptSchema), ...requestSchemas(), ...readSchemas() },
      responses: { ...Object.fromEntries(Object.entries(readRefusals(true)).map(([status, response]) => [`Read${status}`, response])), ...commandResponses() },
      parameters: {
        IdempotencyKey: {
          name: 'Idempotency-Key', in: 'header', required: false, schema: { type: 'string', maxLength: 200 }, example: 'nightly-import-42',
          description: 'One for each intention. An apply or an undo that is sent again with its key is told what the first was told; with another input it is refused. A refusal uses no key up.',
        },
      },
      securitySchemes: {
        session: { type: 'apiKey', in: 'cookie', name: 'iu-session', description: 'What signing in gives to a browser' },
        token: { type: 'http', scheme: 'bearer', description: 'An API token: issued by dot_iu_issue_token, scoped, expiring. The scope read is for reads, a command\'s code for that command, * for all' },
      },
    },
  }
}

let built: Omit<Document, 'servers'> | undefined

/** The whole API as an OpenAPI 3.1 document, for the server at `origin`. */
export function openapiDocument(origin: string): Document {
  built ??= build()
  const { openapi, info, ...rest } = built
  return { openapi, info, servers: [{ url: origin }], ...rest }
}
